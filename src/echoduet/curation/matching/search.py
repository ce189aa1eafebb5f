"""From features to related pairs: candidates, alignment, likeness, relation, block after block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from threadpoolctl import ThreadpoolController

from echoduet.curation.matching.alignment import align
from echoduet.curation.matching.candidates import Candidate, CandidateSearch, unique_images
from echoduet.curation.matching.confidence import confidence, relation_of
from echoduet.curation.matching.features import Features, FeatureTable
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.matching.similarity import likeness
from echoduet.curation.relations import IDENTITY, Relation, Transform
from echoduet.progress import Progress, silent

BLOCK = 256
"""Images that are searched for at a time."""

ALL_LISTED = 12
"""Equal images of which every pair is listed; of more, each is paired with the first."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two related images of a table, `i < j`; the other attributes are those of `relations.Pair`."""

    i: int
    j: int
    relation: Relation
    transform: Transform
    overlap: float
    similarity: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Block:
    """The matches of images `start` to `stop` (exclusive) with earlier ones, or with each other."""

    start: int
    stop: int
    matches: tuple[Match, ...]


def find_pairs(
    table: FeatureTable, settings: MatchSettings, first: int = 0, progress: Progress = silent
) -> Iterator[Block]:
    """Yield the related pairs of a table, block by block.

    An image is compared with the earlier ones only, so that a run can go on where another stopped.

    Args:
        table: the images.
        settings: the thresholds.
        first: images before this one were searched before; they are only looked at as partners.
        progress: shows how far the search is.
    """
    search = CandidateSearch(table, settings)
    unique = unique_images(table.pixels)
    for start in range(0, first, BLOCK):
        search.enter(np.flatnonzero(unique[start : min(start + BLOCK, first)]) + start)
    copies = _copies(table, first)
    # The matrices of a pair are so small that threads only wait for one another, the longer the busier the machine.
    threads = ThreadpoolController()
    for start in progress(range(first, len(table), BLOCK), label="finding related images"):
        stop = min(start + BLOCK, len(table))
        images = np.flatnonzero(unique[start:stop]) + start
        search.enter(images)
        candidates = search.candidates()
        with threads.limit(limits=1, user_api="blas"):
            looked_at = [verify(table, candidate, settings) for candidate in candidates]
        equal = chain.from_iterable(copies.get(j, ()) for j in range(start, stop))
        yield Block(start, stop, (*equal, *_best(match for match in looked_at if match)))


def _copies(table: FeatureTable, first: int) -> dict[int, list[Match]]:
    """Return, for every image from `first` on, its pairs with earlier images of equal pixels."""
    alike: dict[str, list[int]] = defaultdict(list)
    found = {}
    for j, pixels in enumerate(table.pixels):
        earlier = alike[pixels]
        if earlier and j >= first:
            partners = earlier if len(earlier) < ALL_LISTED else earlier[:1]
            found[j] = [Match(i, j, Relation.COPY, IDENTITY, 1.0, 1.0, 1.0) for i in partners]
        earlier.append(j)
    return found


def _best(matches: Iterator[Match]) -> Iterator[Match]:
    """Yield each pair once: of a symmetrical picture both the plain and the mirrored comparison may pass."""
    best: dict[tuple[int, int], Match] = {}
    for match in matches:
        known = best.get((match.i, match.j))
        if known is None or match.similarity > known.similarity:
            best[match.i, match.j] = match
    yield from best.values()


def verify(table: FeatureTable, candidate: Candidate, settings: MatchSettings) -> Match | None:
    """Return the match of a candidate, or None where a closer look finds the two unrelated."""
    a, b = table[candidate.a], table[candidate.b]
    alignment = align(a, b, candidate.mirrored)
    if alignment is None:
        return None
    seen = likeness(a, b, alignment.transform, settings.overlap)
    sure = confidence(alignment, seen)
    relation = relation_of(alignment, seen, sure, settings)
    if relation is None:
        return None
    transform = in_native_pixels(alignment.transform, a, b)
    return Match(candidate.a, candidate.b, relation, transform, seen.overlap, seen.fine, sure)


def in_native_pixels(transform: Transform, a: Features, b: Features) -> Transform:
    """Return a transform between working pictures as one between the images themselves."""
    of_a, of_b = (max(one.picture.shape) / max(one.width, one.height) for one in (a, b))
    # The centre of an image's first pixel lies at this place in its picture.
    corner = (of_b - 1) / 2
    x, y = transform.matrix @ (corner, corner, 1.0)
    dx, dy = ((place + 0.5) / of_a - 0.5 for place in (x, y))
    return Transform(transform.mirrored, transform.rotation, transform.scale * of_b / of_a, float(dx), float(dy))
