"""Images whose size or shape is unlike the others': only the whole data set can tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoduet.curation.quality.issues import Issue
from echoduet.errors import ShapeError

LEAST_SPREAD = 0.02
"""Least deviation taken as usual, on a logarithmic scale (2 %): where nearly all sizes are equal, it would be 0."""

FAR = 3.5
"""Robust z at which the score is one half (Iglewicz and Hoaglin, 1993)."""


def size_scores(sizes: NDArray[np.integer]) -> tuple[dict[Issue, float], ...]:
    """Return how odd the aspect ratio and the size of each image are within the data set.

    The score is z / (z + 3.5), where z = 0.6745 |x - median| / MAD, of x = log(width / height) and of
    x = log(width * height) / 2.

    Args:
        sizes: width and height of every image, `(N, 2)`.

    Raises:
        ShapeError: the sizes are no pairs of positive numbers.
    """
    if not len(sizes):
        return ()
    table = np.asarray(sizes, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 2 or not (table > 0).all():
        raise ShapeError(f"Sizes are (N, 2), width and height above 0 of each image; got {np.shape(sizes)}.")
    width, height = np.log(table).T
    aspect, size = oddness(width - height), oddness((width + height) / 2)
    return tuple({Issue.ODD_ASPECT: float(a), Issue.ODD_SIZE: float(s)} for a, s in zip(aspect, size, strict=True))


def oddness(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each value lies from the median, 0-1, as `size_scores` has it, `(N,)`."""
    away = np.abs(values - np.median(values))
    z = 0.6745 * away / max(float(np.median(away)), LEAST_SPREAD)
    return z / (z + FAR)
