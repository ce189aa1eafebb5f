"""What curation costs at sizes that were not measured: bytes from the layout, seconds from the sizes that were.

Time is a constant for each image (decoding, describing, verifying, writing) and, for each feature looked up, the
vectors it is compared with: the centres of all cells, and the vectors in the cells that are probed. The two constants
are fitted to the measured sizes. It is a model on paper: nothing here was run at ten million images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from curation_scale import Row
from echoduet.curation.matching.candidates import CELL, EVEN_LENGTH, FEW, MOST_CELLS, PROBED, THUMBNAIL
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
    feature = EVEN_LENGTH + ID + ENTRY
    return images * (settings.indexed * feature + THUMBNAIL**2 + ID + 4) / 1e9


def disk_gb(images: int, settings: MatchSettings) -> float:
    """Return the size of the saved features at most: descriptors, places, the working picture and its overlay."""
    return images * (settings.features * (DESCRIPTOR + POINT) + 2 * settings.side**2) / 1e9


def fitted(rows: Sequence[Row], settings: MatchSettings) -> tuple[float, float]:
    """Return seconds for an image and for a comparison, neither below 0, by least squares of the relative errors."""
    seconds = np.array([row.seconds for row in rows])
    work = [(row.images, row.images * settings.indexed * comparisons(row.images, settings)) for row in rows]
    each, comparison = nnls(np.array(work) / seconds[:, None], np.ones(len(rows)))[0]
    return float(each), float(comparison)


def hours(images: int, constants: tuple[float, float], settings: MatchSettings, most: int = MOST_CELLS) -> float:
    """Return the hours for so many images on the machine that was measured."""
    each, comparison = constants
    return images * (each + comparison * settings.indexed * comparisons(images, settings, most)) / 3600


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
        probed = PROBED * CELL / 2
        graph = images * (constants[0] + constants[1] * settings.indexed * probed) / 3600
        best = f"{min(shipped, graph):.3g}"
        lines.append(f"| {images:,} | {sizes} | {comparisons(images, settings):,.0f} | {shipped:.3g} | {best} |")
    each, comparison = constants
    lines.append(f"\nFitted: {1000 * each:.2f} ms an image, {1e9 * comparison:.2f} ns a comparison.")
    return "\n".join(lines)
