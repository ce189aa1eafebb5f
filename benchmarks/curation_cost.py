"""What curation costs at sizes that were not measured: bytes from the layout, seconds from the sizes that were.

Time is a constant for each image that is read (decoding, describing, measuring, writing), the mean of the largest size;
a constant for each image that is searched for (verifying its candidates); and, for each feature looked up, the vectors
it is compared with: the centres of all cells, and the vectors in the cells that are probed. The latter two are fitted
to the seconds of the search at the measured sizes. It is a model on paper: nothing here was run at ten million images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from curation_scale import Row
from echoduet.curation.matching.candidates import AXES, CELL, FEW, MOST_CELLS, PROBED, THUMBNAIL
from echoduet.curation.matching.features import DESCRIPTOR
from echoduet.curation.matching.settings import MatchSettings

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)

ID, ENTRY, POINT = 8, 8 + 4, 4 * 4
"""Bytes of a vector's number in faiss, of the row and the image it stands for, and of a feature's place."""


def cells(images: int, settings: MatchSettings, most: int = MOST_CELLS) -> int:
    """Return the number of cells of the features' index; 1 where all vectors are compared."""
    vectors = images * settings.indexed
    return 1 if vectors <= FEW else max(1, min(most, vectors // CELL))


def comparisons(images: int, settings: MatchSettings, most: int = MOST_CELLS) -> float:
    """Return with how many vectors one feature is compared; the index is half full on average, for it grows."""
    count = cells(images, settings, most)
    vectors = images * settings.indexed / 2
    return vectors if count == 1 else count + PROBED * vectors / count


def memory_gb(images: int, settings: MatchSettings) -> float:
    """Return the size of both indexes in memory: one byte a dimension, numbers, and what they stand for."""
    feature = AXES + ID + ENTRY
    return images * (settings.indexed * feature + THUMBNAIL**2 + ID + 4) / 1e9


def disk_gb(images: int, settings: MatchSettings) -> float:
    """Return the size of the saved features at most: descriptors, places, the working picture and its overlay."""
    return images * (settings.features * (DESCRIPTOR + POINT) + 2 * settings.side**2) / 1e9


@dataclass(frozen=True)
class Constants:
    """Seconds for reading an image, for verifying an image's candidates, and for one comparison."""

    reading: float
    verifying: float
    comparison: float


def fitted(rows: Sequence[Row], settings: MatchSettings) -> Constants:
    """Return the constants, none below 0; those of the search by least squares of the relative errors."""
    seconds = np.array([row.search for row in rows])
    work = [(row.images, row.images * settings.indexed * comparisons(row.images, settings)) for row in rows]
    verifying, comparison = nnls(np.array(work) / seconds[:, None], np.ones(len(rows)))[0]
    largest = max(rows, key=lambda row: row.images)
    return Constants((largest.seconds - largest.search) / largest.images, float(verifying), float(comparison))


def hours(images: int, constants: Constants, settings: MatchSettings, compared: float | None = None) -> float:
    """Return the hours for so many images on the machine that was measured.

    Args:
        images: how many.
        constants: what a step costs.
        settings: how many features are looked up.
        compared: vectors that a feature is compared with; as shipped when left out.
    """
    each = comparisons(images, settings) if compared is None else compared
    search = constants.verifying + constants.comparison * settings.indexed * each
    return images * (constants.reading + search) / 3600


def markdown(rows: Sequence[Row], settings: MatchSettings) -> str:
    """Return the model as a Markdown table: as shipped, and with as many cells as the size asks for."""
    constants = fitted(rows, settings)
    head = (
        "images",
        "indexes in memory",
        "features on disk",
        "comparisons a feature",
        "hours as shipped",
        "more cells",
    )
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for images in SIZES:
        sizes = f"{memory_gb(images, settings):.3g} GB | {disk_gb(images, settings):.3g} GB"
        shipped = hours(images, constants, settings)
        # A graph over the centres finds the cell without looking at all of them, so the number may grow with the size.
        best = f"{min(shipped, hours(images, constants, settings, PROBED * CELL / 2)):.3g}"
        lines.append(f"| {images:,} | {sizes} | {comparisons(images, settings):,.0f} | {shipped:.3g} | {best} |")
    read, verified = 1000 * constants.reading, 1000 * constants.verifying
    lines.append(
        f"\nAn image costs {read:.2f} ms to read and {verified:.2f} ms to verify, "
        f"a comparison {1e9 * constants.comparison:.2f} ns."
    )
    return "\n".join(lines)
