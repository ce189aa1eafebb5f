"""From a probability map on the network's grid to one on the image's, and masks squashed as the paper scores them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from echoduet.records import Mask
from echoduet.transforms.preprocess import Preprocess, Probability


def final_map(
    probability: Probability, preprocess: Preprocess, shape: tuple[int, int], at_size: int | None = None
) -> Probability:
    """Return the map at its final size; the mask is where it reaches a threshold.

    Args:
        probability: lesion probability on the network's input, `(S, S)`.
        preprocess: what brought the image to that input.
        shape: the image's own size, `(H, W)`.
        at_size: None for a map of `shape`; N for one of `(N, N)`, the aspect ratio squashed as the paper scores.
            A network that squashes is read on its own grid then, so that N = S involves no resampling at all.
    """
    if at_size is None:
        return preprocess.restore(probability, shape)
    if preprocess.config.aspect == "squash":
        return preprocess.restore(probability, (at_size, at_size))
    picture = Image.fromarray(preprocess.restore(probability, shape))
    squashed = picture.resize((at_size, at_size), Image.Resampling.BILINEAR)
    return np.asarray(squashed, dtype=np.float32)


def squash_mask(mask: Mask, size: int) -> Mask:
    """Return a mask `(H, W)` at `(size, size)` by nearest neighbour (pixel centres), as the paper resizes masks."""
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.resize((size, size), Image.Resampling.NEAREST)) > 0
