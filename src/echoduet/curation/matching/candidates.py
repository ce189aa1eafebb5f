"""Which pairs of images deserve a closer look: those with local features, or a whole picture, in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

import cv2
import faiss
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.matching.alignment import MIRRORED
from echoduet.curation.matching.features import DESCRIPTOR, FeatureTable
from echoduet.curation.matching.settings import MatchSettings
from echoduet.records import GrayImage

EVEN_LENGTH = DESCRIPTOR // 2
"""Length of a descriptor that is the same for an image and its mirror image."""

THUMBNAIL = 16
"""Side of the thumbnails that are compared as a whole, in pixels."""

CELL = 500
"""Vectors in one cell of an index: enough to pay for choosing the cell, few enough to be looked at."""

MOST_CELLS = 16384

AXES = 24
"""Principal axes of which a cell's vectors keep the coordinates; of evened descriptors they hold nine tenths."""

PROBED = 4
"""Cells that are looked at: a vector near a border has its likes on the other side."""

SAMPLED = 8_000
"""Images from which the cells are learnt, at least, where there are so many."""

TRAINING = 24
"""Vectors for each cell from which the cells' centres are learnt."""

FEW = 20_000
"""Up to so many vectors are all compared; cells would only lose some."""


MOST = 12
"""Candidates for one image; among thousands alike the strongest tie it to all of them."""


class Candidate(NamedTuple):
    """Two images, by position (`a < b`), and whether b is taken as mirrored."""

    a: int
    b: int
    mirrored: bool


class VectorIndex:
    """An index of vectors, `(M, D)` float32, that grows; neighbours are approximate beyond `FEW` vectors."""

    def __init__(self, sample: NDArray[np.float32], total: int) -> None:
        """Learn the cells from a sample.

        Args:
            sample: some of the vectors, or all.
            total: how many vectors there will be.
        """
        width = sample.shape[1]
        self._index: Any = faiss.IndexFlatL2(width)
        if total > FEW:
            axes = (
                f"PCA{min(AXES, width)}," if width <= EVEN_LENGTH else ""
            )  # the distances of thumbnails must stay as they are
            cells = min(MOST_CELLS, total // CELL, len(sample) // 2)
            self._index = faiss.index_factory(width, f"{axes}IVF{cells},SQ8")
            inverted = faiss.extract_index_ivf(self._index)
            inverted.cp.seed, inverted.cp.niter = 1, 8
            inverted.cp.min_points_per_centroid, inverted.cp.max_points_per_centroid = 1, TRAINING
            inverted.nprobe = PROBED
            self._index.train(sample)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors; they are numbered in the order in which they come."""
        self._index.add(vectors)

    def nearest(
        self, vectors: NDArray[np.float32], count: int, within: float = np.inf
    ) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return the rows of `vectors` and the numbers of their nearest vectors, at most `count` for each row.

        Args:
            vectors: `(n, D)`.
            count: how many are looked up for each.
            within: largest squared distance.
        """
        distances, numbers = self._index.search(vectors, count)
        rows, columns = np.nonzero((numbers >= 0) & (distances <= within))
        return rows, np.asarray(numbers[rows, columns], dtype=np.int64)


def even(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return descriptors that an image and its mirror image share, `(K, 64)`: the mean of both, square-rooted."""
    both = descriptors[:, :EVEN_LENGTH].astype(np.float32)
    both += descriptors[:, MIRRORED[:EVEN_LENGTH]]
    both /= np.maximum(both.sum(axis=1, keepdims=True), np.float32(1))
    return np.sqrt(both, out=both)


@dataclass(frozen=True, slots=True, eq=False)
class _Entered:
    """What went into the indexes last: images, rows of their features, the image of each row, and the vectors."""

    images: NDArray[np.intp]
    rows: NDArray[np.int64]
    owners: NDArray[np.int32]
    vectors: NDArray[np.float32]
    thumbnails: NDArray[np.float32]


class CandidateSearch:
    """Finds, for images that come in their order, earlier ones that look related.

    Images enter when they are searched for, so that an image finds the earlier ones alone, whether they came in one run
    or in several. Of images with equal pixels only the first takes part.
    """

    def __init__(self, table: FeatureTable, settings: MatchSettings) -> None:
        """Learn the cells of both indexes from images spread over the whole table."""
        self._table, self._settings = table, settings
        counts = np.minimum(np.diff(table.offsets), settings.indexed)
        self._first = unique_images(table.pixels)
        step = max(1, len(table) // SAMPLED)
        rows, _ = self._rows(np.flatnonzero(self._first)[::step])
        self._local = VectorIndex(even(table.descriptors[rows]), int(counts.sum()))
        self._whole = VectorIndex(thumbnails(table, np.flatnonzero(self._first)[::step]), len(table))
        # What the numbers in the indexes stand for: rows of the table, and images.
        self._entries, self._owners, self._images = _Column(np.int64), _Column(np.int32), _Column(np.int32)

    def enter(self, images: NDArray[np.intp]) -> None:
        """Add images to the indexes."""
        rows, owners = self._rows(images)
        self._latest = _Entered(
            images, rows, owners, even(self._table.descriptors[rows]), thumbnails(self._table, images)
        )
        self._local.add(self._latest.vectors)
        self._entries.extend(rows)
        self._owners.extend(owners)
        self._whole.add(self._latest.thumbnails)
        self._images.extend(images)

    def candidates(self) -> list[Candidate]:
        """Return the images that look related to those that entered last, and entered before them, by position."""
        strength = self._by_features()
        for candidate in self._by_thumbnails():
            strength.setdefault(candidate, 0)
        ranked = sorted(strength, key=lambda candidate: (candidate.b, -strength[candidate], candidate))
        chosen = [each for _, group in groupby(ranked, key=itemgetter(1)) for each in islice(group, MOST)]
        return sorted(chosen)

    def _rows(self, images: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the rows of the strongest features of some images, and the image of each row."""
        starts = self._table.offsets[images]
        counts = np.minimum(self._table.offsets[images + 1] - starts, self._settings.indexed)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(starts, counts) + within, np.repeat(images, counts).astype(np.int32)

    def _by_features(self) -> dict[Candidate, int]:
        rows, owners = self._latest.rows, self._latest.owners
        own, theirs = self._local.nearest(self._latest.vectors, self._settings.neighbours)
        earlier = self._owners.values[theirs] < owners[own]
        own, theirs = own[earlier], theirs[earlier]
        pairs = self._owners.values[theirs].astype(np.int64) * len(self._table) + owners[own]
        _, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        enough = counts[inverse] >= self._settings.votes
        own, theirs, pairs = own[enough], theirs[enough], pairs[enough]
        points = self._table.points
        return {
            Candidate(int(pair // len(self._table)), int(pair % len(self._table)), mirrored): int(number)
            for mirrored in (False, True)
            for pair, number in zip(
                *votes(points[self._entries.values[theirs]], points[rows[own]], pairs, mirrored), strict=True
            )
            if number >= self._settings.votes
        }

    def _by_thumbnails(self) -> Iterator[Candidate]:
        images, squares = self._latest.images, self._latest.thumbnails
        flipped = np.ascontiguousarray(squares.reshape(-1, THUMBNAIL, THUMBNAIL)[:, :, ::-1]).reshape(squares.shape)
        within = 2.0 - 2.0 * self._settings.resemblance  # of two vectors of length 1, from their correlation
        for mirrored, queries in ((False, squares), (True, flipped)):
            own, numbers = self._whole.nearest(queries, self._settings.alike + 1, within)
            for image, like in zip(images[own].tolist(), self._images.values[numbers].tolist(), strict=True):
                if like < image:
                    yield Candidate(like, image, mirrored)


class _Column:
    """A growing array, so that appending block after block does not copy it each time."""

    def __init__(self, dtype: type[np.integer[Any]]) -> None:
        self._held, self._size = np.zeros(1024, dtype=dtype), 0

    @property
    def values(self) -> NDArray[np.integer[Any]]:
        return self._held[: self._size]

    def extend(self, values: NDArray[np.integer[Any]]) -> None:
        while self._size + len(values) > len(self._held):
            self._held = np.concatenate([self._held, np.zeros_like(self._held)])
        self._held[self._size : self._size + len(values)] = values
        self._size += len(values)


def unique_images(pixels: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which images are the first with their pixels, `(N,)`."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(each, i) == i for i, each in enumerate(pixels)], dtype=np.bool_)


def thumbnails(table: FeatureTable, images: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return images squashed to small squares, of mean 0 and length 1, `(n, 256)`; copies of another shape coincide."""
    if not len(images):
        return np.zeros((0, THUMBNAIL**2), np.float32)
    squares = np.stack([_squashed(table[i].picture) for i in images.tolist()])
    rows = squares.reshape(len(squares), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-3)))


def _squashed(picture: GrayImage) -> NDArray[np.float32]:
    return cv2.resize(picture, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)


def votes(
    a: NDArray[np.float32], b: NDArray[np.float32], pairs: NDArray[np.int64], mirrored: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count, for each pair of images, the corresponding features that agree on one turn and one scale.

    Bins of 30 degrees and one octave are laid twice, shifted by half, so that no cluster is cut in two by all of them
    (a Hough transform of pose: Lowe, 2004, section 7.3).

    Args:
        a, b: points of corresponding features, `(n, 4)` each: x, y, size, angle.
        pairs: a number for the pair of images from which each comes, `(n,)`.
        mirrored: whether b is taken as mirrored.

    Returns:
        the pairs, each once, and the largest number of votes in a bin of theirs.
    """
    turn = a[:, 3] + b[:, 3] - 180 if mirrored else a[:, 3] - b[:, 3]
    octave = np.log2(np.maximum(a[:, 2], 1e-3) / np.maximum(b[:, 2], 1e-3)) + 8
    codes = [
        (
            (pairs * 16 + np.floor(octave + shift).astype(np.int64) % 16) * 12
            + np.floor(turn / 30 + lean).astype(np.int64) % 12
        )
        * 4
        + layer
        for layer, (shift, lean) in enumerate(((0, 0), (0, 0.5), (0.5, 0), (0.5, 0.5)))
    ]
    bins, counts = np.unique(np.concatenate(codes), return_counts=True)
    found, first = np.unique(bins // (16 * 12 * 4), return_index=True)
    return found, np.maximum.reduceat(counts, first) if len(found) else counts
