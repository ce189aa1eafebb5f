"""How alike two aligned images are where both show something, overlays left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.matching.features import Features
from echoduet.curation.relations import Transform
from echoduet.records import Mask

FLAT = 1.5
"""Rows and columns at the edges whose gray values vary less are border, not picture."""

MIN_PIXELS = 200
"""Of fewer pixels in common nothing can be said."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What two aligned pictures have in common.

    Attributes:
        overlap: share of the larger picture that the other covers, 0-1; borders are no picture.
        fine: correlation of the finest details that both can show, such as speckle; -1 to 1.
        coarse: correlation of the larger structures, -1 to 1.
    """

    overlap: float
    fine: float
    coarse: float


FINE = (0.8, 2.5)
COARSE = (2.0, 10.0)


def likeness(a: Features, b: Features, transform: Transform, least: float = 0.0) -> Likeness:
    """Compare two pictures, b laid over a by a transform in their pixels, on the coarser of the two grids.

    Args:
        a, b: the images.
        transform: what lays b over a.
        least: with a smaller overlap both correlations are 0, and no time is spent on them.
    """
    if transform.scale < 1:  # b is the finer one: laid over a it loses nothing that a could show
        return _compare(a, b, transform, least)
    return _compare(b, a, transform.inverse(), least)


def _compare(grid: Features, other: Features, transform: Transform, least: float) -> Likeness:
    height, width = grid.picture.shape
    matrix = transform.matrix

    def laid(layer: NDArray[Any], flags: int) -> NDArray[np.float32]:
        return np.asarray(cv2.warpAffine(layer, matrix, (width, height), flags=flags), dtype=np.float32)

    shown, covering = content(grid), content(other)
    common = shown & (laid(covering.astype(np.uint8), cv2.INTER_NEAREST) > 0)
    larger = max(float(shown.sum()), float(covering.sum()) * transform.scale**2, 1.0)
    overlap = min(float(common.sum()) / larger, 1.0)
    if overlap < least:
        return Likeness(overlap, 0.0, 0.0)
    overlaid = grid.overlay | (laid(other.overlay.astype(np.uint8), cv2.INTER_LINEAR) > 0)
    usable = (common & ~overlaid).astype(np.float32)
    if usable.sum() < MIN_PIXELS:
        return Likeness(overlap, 0.0, 0.0)
    blur = 0.5 * max(0.0, 1.0 / transform.scale - 1.0)  # as coarse as the grid it is brought to
    moved = laid(_blurred(other.picture.astype(np.float32), blur), cv2.INTER_LINEAR)
    picture = grid.picture.astype(np.float32)
    fine, coarse = (
        correlation(_band(picture, usable, *band), _band(moved, usable, *band), usable) for band in (FINE, COARSE)
    )
    return Likeness(overlap, fine, coarse)


def content(features: Features) -> Mask:
    """Return where the picture shows anything: within borders of one gray value, such as padding, `(h, w)`."""
    picture = features.picture
    rows, columns = (np.flatnonzero(picture.std(axis=axis) > FLAT) for axis in (1, 0))
    shown = np.zeros(picture.shape, dtype=np.bool_)
    if len(rows) and len(columns):
        shown[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return shown


def correlation(a: NDArray[np.float32], b: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Return the weighted Pearson correlation of two pictures, 0 where one of them is flat."""
    total = weight.sum()
    a, b = a - (a * weight).sum() / total, b - (b * weight).sum() / total
    spread = float((a * a * weight).sum()) * float((b * b * weight).sum())
    return float((a * b * weight).sum() / np.sqrt(spread)) if spread > 1e-3 else 0.0


def _band(
    picture: NDArray[np.float32], weight: NDArray[np.float32], finest: float, coarsest: float
) -> NDArray[np.float32]:
    """Return the details between two sizes (Gaussian sigmas in pixels); nothing leaks in from where weight is 0."""

    def smooth(sigma: float) -> NDArray[np.float32]:
        summed, weights = _blurred(picture * weight, sigma), _blurred(weight, sigma)
        return np.asarray(summed / np.maximum(weights, np.float32(1e-3)), dtype=np.float32)

    return np.asarray(smooth(finest) - smooth(coarsest), dtype=np.float32)


def _blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    if sigma < 0.1:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.float32)
