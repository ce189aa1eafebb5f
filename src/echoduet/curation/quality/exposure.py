"""Nothing to see: blank, burnt out, flat."""

from __future__ import annotations

import cv2
import numpy as np

from echoduet.records import GrayImage

CELL = 16
"""Side of the squares in which texture is sought, in pixels."""

TEXTURE = 2.5
"""Least standard deviation of a square that shows something, in gray levels."""

WHITE = 250
"""Gray values from here on are burnt out."""

FULL_RANGE = 160.0
"""Distance of the 5th and 95th percentiles of a scan that uses the gray values well: BUSI's median is 163."""


def blank_score(gray: GrayImage) -> float:
    """Return the share of squares without texture.

    Args:
        gray: the image, `(H, W)`.
    """
    rows, columns = (max(1, side // CELL) for side in gray.shape)
    values = gray[: rows * CELL, : columns * CELL].astype(np.float32)
    mean, square = (cv2.resize(v, (columns, rows), interpolation=cv2.INTER_AREA) for v in (values, values * values))
    return float(np.mean(square - mean * mean < TEXTURE**2))


def exposure_scores(gray: GrayImage) -> tuple[float, float]:
    """Return the share of burnt-out pixels, and the part of the gray range that is not used.

    Args:
        gray: the image, `(H, W)`.
    """
    counts = np.bincount(gray[::2, ::2].ravel(), minlength=256)
    below = counts.cumsum() / counts.sum()
    low, high = np.searchsorted(below, (0.05, 0.95))
    return float(counts[WHITE:].sum() / counts.sum()), max(0.0, 1.0 - float(high - low) / FULL_RANGE)
