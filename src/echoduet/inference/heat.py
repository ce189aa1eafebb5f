"""Maps as pictures: gray, or drawn over their image."""

from __future__ import annotations

import numpy as np

from echoduet.records import ColourImage, GrayImage, PixelMap

FOR, AGAINST = (240, 110, 20), (86, 180, 233)
"""Orange and sky blue, which colour-blind readers tell apart, for what speaks for a class and against it."""

MOST_SPREAD = 0.5
"""The largest standard deviation that readings between 0 and 1 can have."""


def draw_explanation(image: GrayImage, explanation: PixelMap) -> ColourImage:
    """Return the image under orange where a place speaks for the class and blue where against it, `(H, W, 3)`.

    The densest place is the one that speaks loudest, whichever way; a map that is nearly 0 everywhere stays pale.
    """
    scale = max(float(np.abs(explanation).max()), 0.05)
    speaks_for = _tinted(image, np.clip(explanation / scale, 0, 1), FOR)
    against = _tinted(image, np.clip(-explanation / scale, 0, 1), AGAINST)
    return np.asarray(np.where((explanation >= 0)[:, :, None], speaks_for, against), np.uint8)


def as_gray(values: PixelMap, most: float = 1.0) -> GrayImage:
    """Return a map as a gray picture, `(H, W)`: 0 is black, `most` and all above it white."""
    gray: GrayImage = np.rint(np.clip(values / most, 0, 1) * 255).astype(np.uint8)
    return gray


def _tinted(image: GrayImage, share: PixelMap, colour: tuple[int, int, int]) -> ColourImage:
    opacity = 0.75 * share[:, :, None]
    mixed = (1 - opacity) * image[:, :, None] + opacity * np.array(colour, np.float32)
    return np.rint(mixed).astype(np.uint8)
