"""What surrounds the scan: strips of the scanner's screen, other panels, the black corners of a wedge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.records import GrayImage

LEVEL = 5
"""Gray levels by which a strip of the screen may differ from its own level."""

UNIFORM = 0.85
"""Share of a line that has the level; the rest may be letters."""

STEP = 10
"""Least one-pixel step where a strip ends and the scan begins. A shadow fades."""

SEAM = 16
"""Least one-pixel step between two panels that touch."""

MIDDLE = (0.15, 0.85)
"""Where panels may meet, as shares of the side."""

BLACK = 8
"""Gray values up to this are outside the scan."""

WEDGE = 0.04
"""Least leg of a black corner, as a share of the side."""


def border_score(gray: GrayImage) -> float:
    """Return how sharply a strip of one gray value along an edge ends: the share of its inner line with a step.

    Args:
        gray: the image, `(H, W)`.
    """
    return max(_edge_strip(view) for view in (gray, gray[::-1], gray.T, gray.T[::-1]))


def _edge_strip(gray: GrayImage) -> float:
    """Score the strip along the first rows."""
    level = int(np.median(gray[0]))
    depth = 0
    while depth < len(gray) // 2 and _share_at(gray[depth], level) >= UNIFORM:
        depth += 1
    if not 0 < depth < len(gray) // 2:
        return 0.0
    # A picture that was enlarged has its step spread over two rows.
    inner = gray[min(depth + 1, len(gray) - 1)].astype(np.int16)
    return float(np.mean(np.abs(inner - level) >= STEP))


def _share_at(line: NDArray[np.uint8], level: int) -> float:
    return float(np.mean(np.abs(line.astype(np.int16) - level) <= LEVEL))


def panel_score(gray: GrayImage) -> float:
    """Return how much of a line across the picture separates two panels: a sharp seam, or a gutter of one gray value.

    Args:
        gray: the image, `(H, W)`.
    """
    # Tissue lies in layers, so that a horizontal seam alone proves nothing.
    return max(_seam(gray), _gutter(gray), _gutter(gray.T))


def _seam(gray: GrayImage) -> float:
    start, stop = (round(share * (gray.shape[1] - 1)) for share in MIDDLE)
    left, right = gray[:, start:stop], gray[:, start + 1 : stop + 1]
    if not left.size:
        return 0.0
    steps = np.count_nonzero(cv2.absdiff(left, right) >= SEAM, axis=0)
    lit = np.count_nonzero(cv2.max(left, right) > SEAM, axis=0)
    return float(np.max(steps / np.maximum(lit, max(1, len(gray) // 2))))


def _gutter(gray: GrayImage) -> float:
    """Score the columns of one gray value in the middle by the sharper of the steps at both their ends."""
    width = gray.shape[1]
    start, stop = (round(share * width) for share in MIDDLE)
    extent = cv2.subtract(gray.max(axis=0), gray.min(axis=0)).ravel()
    flat = np.flatnonzero(extent[start:stop] <= 2 * LEVEL) + start
    if not len(flat) or flat[-1] + 2 >= width or flat[0] < 2:
        return 0.0
    level = gray[:, flat[0]].astype(np.int16)
    ends = (gray[:, flat[0] - 2], gray[:, flat[-1] + 2])
    return min(float(np.mean(np.abs(end - level) >= STEP)) for end in ends)


def wedge_score(gray: GrayImage) -> float:
    """Return how straight the edge of the straightest black corner is: 1 is a line.

    Args:
        gray: the image, `(H, W)`.
    """
    return max(_corner(view) for view in (gray, gray[:, ::-1], gray[::-1], gray[::-1, ::-1]))


def _corner(gray: GrayImage) -> float:
    """Score the black corner at the top left, by what the rows' black beginnings stray from a straight line."""
    rows, columns = gray.shape
    reach = _black_run(gray)
    if reach[0] < WEDGE * columns or reach[0] == columns:
        return 0.0
    ends = np.flatnonzero(reach == 0)
    leg = int(ends[0]) if len(ends) else rows
    if leg < max(4.0, WEDGE * rows):
        return 0.0
    y, x = np.arange(leg), reach[:leg].astype(np.float64)
    slope, start = np.polyfit(y, x, 1)
    if slope >= -0.05:
        return 0.0
    strays = float(np.mean(np.abs(x - start - slope * y)))
    return max(0.0, 1.0 - strays / (0.05 * float(reach[0]) + 1.0))


def _black_run(gray: GrayImage) -> NDArray[np.intp]:
    """Return how many black pixels each row begins with, `(H,)`."""
    lit = gray > BLACK
    run = lit.argmax(axis=1)
    run[~lit.any(axis=1)] = gray.shape[1]
    return np.asarray(run, np.intp)
