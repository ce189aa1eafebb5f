"""The pictures of an answer as PNG files, all made here: nothing that was uploaded is ever sent back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.records import Analysis, Mask, PixelMap
from echoduet.service.schemas import Layer

WIDEST_SPREAD = 0.5
"""Spread of the lesion probability that is drawn white: half of the readings say 0, half say 1."""

_SPEED = [cv2.IMWRITE_PNG_COMPRESSION, 1]


@dataclass(frozen=True, slots=True)
class Layers:
    """The pictures of one answer.

    Attributes:
        pictures: each a PNG file.
        scale: what the explanation's 255 stands for (and, negative, its 1); None without one.
    """

    pictures: Mapping[Layer, bytes]
    scale: float | None = None

    @property
    def size(self) -> int:
        """Bytes of all pictures."""
        return sum(map(len, self.pictures.values()))


def draw_layers(analysis: Analysis) -> Layers:
    """Return the pictures of an analysis: the frame, and whatever was answered about it."""
    scan = analysis.scan
    pictures = {Layer.IMAGE: png(scan.image if scan.colour is None else scan.colour)}
    if analysis.refined is not None and analysis.refined.mask is not None:
        pictures[Layer.MASK] = png(mask_picture(analysis.refined.mask))
    if analysis.raw is not None and analysis.raw.mask is not None:
        pictures[Layer.MASK_RAW] = png(mask_picture(analysis.raw.mask))
    if analysis.lesion_map is not None:
        pictures[Layer.PROBABILITY] = png(_scaled(analysis.lesion_map, 1.0))
    if analysis.uncertainty is not None and analysis.uncertainty.spread is not None:
        pictures[Layer.UNCERTAINTY] = png(_scaled(analysis.uncertainty.spread, WIDEST_SPREAD))
    if analysis.explanation is None:
        return Layers(pictures)
    scale = float(np.abs(analysis.explanation).max())
    pictures[Layer.EXPLANATION] = png(signed_picture(analysis.explanation, scale))
    return Layers(pictures, scale)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return a gray `(H, W)` or colour `(H, W, 3)` picture as a PNG file."""
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", np.ascontiguousarray(pixels), _SPEED)[1].tobytes()


def mask_picture(mask: Mask) -> NDArray[np.uint8]:
    """Return a mask with 255 where it is set, else 0."""
    return mask.astype(np.uint8) * np.uint8(255)


def signed_picture(values: PixelMap, scale: float) -> NDArray[np.uint8]:
    """Return values of -scale to scale as 1 to 255; 0 is 128."""
    shares = values / scale if scale > 0 else np.zeros_like(values)
    return np.asarray(np.rint(128 + 127 * np.clip(shares, -1, 1)), dtype=np.uint8)


def _scaled(values: PixelMap, white: float) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values / white, 0, 1) * 255), dtype=np.uint8)
