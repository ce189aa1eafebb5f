"""How an image becomes a network input, and a network's answer becomes one for the image.

One object serves training, inference and export, so that they cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.config.schema import PreprocessConfig
from echoduet.records import GrayImage, Mask

Probability = NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Window:
    """Where an image of `(H, W)` lies inside the square input: rows `top:top+height`, columns `left:left+width`."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Resize gray images to the square input of a network, and probabilities back to the image.

    Attributes:
        config: side in pixels, aspect rule and interpolation.
    """

    config: PreprocessConfig

    @property
    def size(self) -> int:
        """Side of the network input, pixels."""
        return self.config.size

    @property
    def key(self) -> str:
        """A text that changes whenever the result would."""
        return f"v1-{self.config.size}-{self.config.aspect}-{self.config.interpolation}"

    def window(self, shape: tuple[int, int]) -> Window:
        """Return where an image of `shape` `(H, W)` lies inside the `(S, S)` input."""
        side = self.config.size
        if self.config.aspect == "squash":
            return Window(0, 0, side, side)
        height, width = (max(1, round(extent * side / max(shape))) for extent in shape)
        return Window((side - height) // 2, (side - width) // 2, height, width)

    def image(self, image: GrayImage) -> GrayImage:
        """Return `image` `(H, W)` as `(S, S)`, uint8."""
        return self._place(image, np.dtype(np.uint8))

    def mask(self, mask: Mask) -> Mask:
        """Return `mask` `(H, W)` as `(S, S)`; with bilinear interpolation a pixel covered by half or more is lesion."""
        return self._place(mask.astype(np.uint8) * 255, np.dtype(np.uint8)) >= 128

    def inside(self, plane: NDArray[Scalar], shape: tuple[int, int]) -> NDArray[Scalar]:
        """Return the part of a plane `(S, S)` that shows an image of `shape`: all but what was filled with black."""
        window = self.window(shape)
        return plane[window.top : window.top + window.height, window.left : window.left + window.width]

    def restore(self, probability: Probability, shape: tuple[int, int]) -> Probability:
        """Return a map on the `(S, S)` input as one on the image of `shape` `(H, W)`, float32, bilinear."""
        plane = np.ascontiguousarray(self.inside(probability, shape), dtype=np.float32)
        height, width = shape
        if height >= plane.shape[0] and width >= plane.shape[1]:
            # Pillow's weights but for rounding, in a sixth of the time; what it shrinks OpenCV would not smooth.
            return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
        return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)

    def _place(self, pixels: GrayImage, dtype: np.dtype[np.uint8]) -> GrayImage:
        height, width = pixels.shape
        window = self.window((height, width))
        nearest = self.config.interpolation == "nearest"
        kernel = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
        resized = np.asarray(Image.fromarray(pixels).resize((window.width, window.height), kernel), dtype=dtype)
        canvas = np.zeros((self.config.size, self.config.size), dtype=dtype)
        canvas[window.top : window.top + window.height, window.left : window.left + window.width] = resized
        return canvas
