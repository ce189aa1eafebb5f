"""Reading lesion masks: any number of files for one image, united."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from echoduet.data.images import decoded, over_black
from echoduet.errors import ImageError, ShapeError
from echoduet.records import Mask


def read_mask(paths: Sequence[Path], shape: tuple[int, int] | None) -> Mask:
    """Return the union of the masks in `paths` as `(H, W)`; no path is an empty mask.

    Args:
        paths: mask files of one image. A pixel is lesion where its brightest colour exceeds half of 255 (or of the
            file's largest value when that is deeper than 8 bits); in files that hold only small label numbers, where
            it is not 0.
        shape: `(H, W)` of the image; None takes the first mask's own.

    Raises:
        ImageError: a file cannot be read, or its size is not the image's.
        ShapeError: there is neither a path nor a shape.
    """
    if shape is None and not paths:
        raise ShapeError("A mask without files needs the shape of its image.")
    union = None if shape is None else np.zeros(shape, dtype=np.bool_)
    for path in paths:
        mask = _read_one(path)
        if union is None:
            union = np.zeros(mask.shape, dtype=np.bool_)
        require_image_size(path, (mask.shape[1], mask.shape[0]), (union.shape[1], union.shape[0]))
        # Logical or, not a sum: 255 + 255 wraps to 254 in uint8, and 1 + 1 is no longer a truth value.
        union |= mask
    assert union is not None
    return union


def require_image_size(path: Path, size: tuple[int, int], image_size: tuple[int, int]) -> None:
    """Check that a mask of `size` fits an image of `image_size`, both `(width, height)`.

    Raises:
        ImageError: it does not.
    """
    if size != image_size:
        raise ImageError(
            f"{path}: {size[0]}x{size[1]}, but its image is {image_size[0]}x{image_size[1]}. "
            "Restore the file, or leave its case out, as `echoduet manifest` does."
        )


def _read_one(path: Path) -> Mask:
    with decoded(path) as picture:
        lossy = isinstance(picture, JpegImageFile)
        if picture.mode == "1" and not picture.has_transparency_data:
            return np.array(picture, dtype=np.bool_)
        levels = _levels(picture)
    return np.asarray(levels > _threshold(levels.max(), lossy), dtype=np.bool_)


def _levels(picture: Image.Image) -> NDArray[Any]:
    """Return one value per pixel, `(H, W)`: the brightest channel, since red and green may name classes."""
    if picture.mode[0] in "IF":
        return np.asarray(picture)
    opaque = over_black(picture)
    if opaque.mode == "L":
        return np.asarray(opaque)
    return np.asarray(np.asarray(opaque.convert("RGB")).max(axis=2))


def _threshold(peak: float, lossy: bool) -> float:
    # JPEG rings around edges and leaves a few gray levels on black, so its masks are never label numbers.
    if lossy:
        return 127
    return peak / 2 if peak > 127 else 0
