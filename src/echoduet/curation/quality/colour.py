"""Colour Doppler: coloured flow, or the box in which it is sought."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FLOW = 40
"""Least difference between the brightest and the darkest of red, green and blue where blood flows."""

TINT = 12
"""The same for the lines of a colour box, which are faint."""

FLOWING = 0.0005
"""Share of the image that is coloured when the score of flow reaches one half."""

BOX = 0.12
"""Least length of a colour box's side, as a share of the image's larger side."""


def doppler_score(colour: NDArray[np.uint8]) -> float:
    """Return how sure it is that the picture was taken in colour Doppler mode.

    Flow is a red or blue area; yellow or green graphics are none. A colour box has four long, thin, coloured sides.

    Args:
        colour: the image, `(H, W, 3)`, red, green, blue.
    """
    red, green, blue = (np.asarray(channel, np.uint8) for channel in cv2.split(colour))
    highest, lowest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    spread = np.asarray(cv2.subtract(highest, lowest), np.uint8)
    if int(spread.max()) < TINT:
        return 0.0
    # A picture tinted as a whole (sepia, a photograph of a screen) has its own neutral.
    tint = float(np.median(spread[::4, ::4]))
    if tint >= TINT:
        return 0.0
    return max(_flow_score(red, green, blue, spread), _box_score(spread))


def _flow_score(
    red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8], spread: NDArray[np.uint8]
) -> float:
    # Yellow has as much green as red, and so have the calipers in it; flow goes from red to orange, and blue to cyan.
    warm = cv2.subtract(red, green) >= FLOW
    cold = (cv2.subtract(blue, red) >= FLOW) & (blue >= green)
    flowing = ((warm | cold) & (spread >= FLOW)).astype(np.uint8)
    area = cv2.morphologyEx(flowing, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    share = cv2.countNonZero(area) / area.size / FLOWING
    return share / (1.0 + share)


def _box_score(spread: NDArray[np.uint8]) -> float:
    tinted = (spread >= TINT).astype(np.uint8)
    length = round(BOX * max(spread.shape))
    sides = [_runs(tinted, (length, 1)), _runs(tinted, (1, length))]
    return 0.25 * sum(min(2, side) for side in sides)


def _runs(tinted: NDArray[np.uint8], shape: tuple[int, int]) -> int:
    """Count the straight lines of at least a length, dotted ones too, that are thin."""
    width, height = shape
    joined = cv2.morphologyEx(tinted, cv2.MORPH_CLOSE, np.ones((min(height, 5), min(width, 5)), np.uint8))
    lines = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((height, width), np.uint8))
    count, _, table, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    return int(np.count_nonzero(table[1:count, 2:4].min(axis=1) <= 4))
