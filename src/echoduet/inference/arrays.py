"""Pictures that a program gives as arrays: what is none is refused before anything is computed from it.

A picture of 0 to 1, say, would be all black to the network, and be answered as such.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from echoduet.errors import ShapeError
from echoduet.records import Scan


def require_gray(name: str, image: Any) -> None:
    """Refuse what is no gray picture, `(H, W)` uint8.

    Raises:
        ShapeError: says what it is instead.
    """
    if not isinstance(image, np.ndarray):
        raise ShapeError(f"{name}: a picture is an array (H, W) of gray values, got a {type(image).__name__}.")
    if image.ndim != 2 or not image.size or image.dtype != np.uint8:
        raise ShapeError(
            f"{name}: a picture is gray values (H, W) uint8, 0 to 255, got {image.shape} {image.dtype}. Convert it."
        )


def require_sound(scan: Scan) -> None:
    """Refuse a scan whose image, colours, region or spacing cannot be what they are called.

    Raises:
        ShapeError: names which.
    """
    require_gray(scan.name, scan.image)
    height, width = scan.shape
    if scan.colour is not None and (scan.colour.shape != (height, width, 3) or scan.colour.dtype != np.uint8):
        raise ShapeError(
            f"{scan.name}: its colours are ({height}, {width}, 3) uint8, got {scan.colour.shape} {scan.colour.dtype}."
        )
    box, spacing = scan.region, scan.spacing
    if box is not None and not (0 <= box.top < box.top + box.height <= height):
        raise ShapeError(f"{scan.name}: its region lies outside of its {height} rows ({box}). Crop it to the image.")
    if box is not None and not (0 <= box.left < box.left + box.width <= width):
        raise ShapeError(f"{scan.name}: its region lies outside of its {width} columns ({box}). Crop it to the image.")
    if spacing is not None and not all(0 < size < math.inf for size in (spacing.row, spacing.column)):
        raise ShapeError(f"{scan.name}: the size of a pixel is above 0 mm, got {spacing}. Leave it out if unknown.")
