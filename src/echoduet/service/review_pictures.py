"""The pictures of the review page: two images on one canvas, their difference, and outlines of the masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.records import Mask

LONGEST_SIDE = 1600
"""Longest side of a picture that is sent, in pixels."""

AMBER, CYAN = (255, 180, 84), (92, 207, 230)
"""The colours of image a and image b, red, green, blue; the page has them too."""

Matrix = NDArray[np.float64]
"""An affine matrix, `(2, 3)`."""

Picture = NDArray[np.uint8]
"""A picture with transparency, `(H, W, 4)`, red, green, blue, alpha."""


@dataclass(frozen=True)
class Place:
    """Where an image lies on a canvas: the canvas's `(width, height)`, and what leads from the image's pixels there."""

    size: tuple[int, int]
    matrix: Matrix


def places(size_a: tuple[int, int], size_b: tuple[int, int], b_to_a: Matrix) -> tuple[Place, Place]:
    """Return where images a and b lie on one canvas that holds a and, where it does not lead far away, all of b.

    Args:
        size_a, size_b: `(width, height)` in pixels.
        b_to_a: lays image b over image a.
    """
    low_a, high_a = np.array([-0.5, -0.5]), np.array(size_a) - 0.5
    corners = _moved(np.array([[x - 0.5, y - 0.5] for x in (0, size_b[0]) for y in (0, size_b[1])]), b_to_a)
    # An alignment that is wrong may lead anywhere; beyond its own size around image a nothing is worth showing.
    margin = np.array(size_a, dtype=np.float64)
    low = np.minimum(low_a, np.maximum(corners.min(axis=0), low_a - margin))
    high = np.maximum(high_a, np.minimum(corners.max(axis=0), high_a + margin))
    scale = min(1.0, LONGEST_SIDE / float((high - low).max()))
    width, height = np.maximum(np.ceil((high - low) * scale - 1e-6), 1).astype(int)
    offset = -scale * low - 0.5
    from_a = np.column_stack([scale * np.eye(2), offset])
    from_b = np.column_stack([scale * b_to_a[:, :2], scale * b_to_a[:, 2] + offset])
    return Place((int(width), int(height)), from_a), Place((int(width), int(height)), from_b)


def alone(size: tuple[int, int]) -> Place:
    """Return where an image of that `(width, height)` lies on a canvas of its own."""
    return places(size, size, np.eye(2, 3))[0]


def drawn(colours: NDArray[np.uint8], place: Place) -> Picture:
    """Return an image, `(H, W, 3)`, on its canvas; transparent where it does not reach."""
    picture = cv2.warpAffine(colours, place.matrix, place.size, flags=cv2.INTER_LINEAR)
    whole = np.full(colours.shape[:2], 255, np.uint8)
    return np.dstack([picture, cv2.warpAffine(whole, place.matrix, place.size, flags=cv2.INTER_NEAREST)])


def difference(a: Picture, b: Picture) -> Picture:
    """Return where two pictures of one canvas differ: amber where a is brighter, cyan where b is.

    The gray values of b are first brought to the mean and spread of a's, so that another gain is no difference. Where
    only one picture reaches, the result is transparent.
    """
    both = (a[:, :, 3] > 0) & (b[:, :, 3] > 0)
    picture = np.zeros_like(a)
    if not both.any():
        return picture
    gray_a, gray_b = (cv2.cvtColor(p[:, :, :3], cv2.COLOR_RGB2GRAY).astype(np.float64)[both] for p in (a, b))
    gain = gray_a.std() / max(gray_b.std(), 1.0)
    excess = np.clip((gray_a - (gray_b - gray_b.mean()) * gain - gray_a.mean()) * (2.5 / 255), -1, 1)[:, None]
    colours = np.where(excess > 0, excess * np.array(AMBER), -excess * np.array(CYAN))
    picture[both] = np.column_stack([colours, np.full(len(colours), 255)]).astype(np.uint8)
    return picture


def as_png(picture: Picture) -> bytes:
    """Return the picture as a PNG file."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 3])[1])


def outline(mask: Mask, place: Place) -> str:
    """Return the outline of a mask on the canvas as the path data of an SVG; empty where the mask is."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines = []
    for contour in contours:
        points = _moved(contour[:, 0].astype(np.float64), place.matrix) + 0.5  # SVG counts from a pixel's corner
        lines.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z")
    return "".join(lines)


def _moved(points: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])
