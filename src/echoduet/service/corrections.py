"""A person's mask beside the answer's: kept, measured, taken back; the answer itself is never changed."""

from __future__ import annotations

from dataclasses import replace

from echoduet.data.images import read_gray
from echoduet.data.uploads import Upload
from echoduet.errors import ImageError
from echoduet.inference.measurements import measure_lesions
from echoduet.records import Mask
from echoduet.service.layers import mask_picture, png
from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError
from echoduet.service.restoring import lesion_map, spacing_of
from echoduet.service.results import Kept, lesion_bodies
from echoduet.service.schemas import Layer

_PNG = b"\x89PNG\r\n\x1a\n"


def read_mask(content: bytes, kept: Kept, limits: Limits) -> Mask:
    """Return the mask of a PNG file that was sent: set where it is brighter than half.

    Raises:
        RefusedError: it is no PNG file, or of another size than the frame.
    """
    if not content.startswith(_PNG):
        raise RefusedError(415, "media_type", "The mask is no PNG file.")
    try:
        pixels = read_gray(Upload(content, "The mask"), limits.picture_pixels)
    except ImageError as error:
        raise RefusedError(422, "unreadable", str(error)) from error
    height, width = pixels.shape
    if (height, width) != (kept.body.height, kept.body.width):
        frame = f"{kept.body.width} x {kept.body.height}"
        raise RefusedError(422, "mask_size", f"The mask has {width} x {height} pixels, the frame {frame}.")
    return pixels > 127


def correct(kept: Kept, mask: Mask) -> int:
    """Keep a mask beside an answer, in the place of an earlier one; return by how many bytes the result grew."""
    before = kept.size
    measured = measure_lesions(mask, spacing_of(kept.body), lesion_map(kept))
    kept.body = kept.body.model_copy(update={"correction_lesions": lesion_bodies(measured)})
    kept.layers = replace(kept.layers, pictures={**kept.layers.pictures, Layer.CORRECTION: png(mask_picture(mask))})
    return kept.size - before


def take_back(kept: Kept) -> int:
    """Drop the mask beside an answer; return by how many bytes the result grew, which is below 0."""
    before = kept.size
    left: dict[Layer, bytes] = {
        layer: picture for layer, picture in kept.layers.pictures.items() if layer is not Layer.CORRECTION
    }
    kept.body = kept.body.model_copy(update={"correction_lesions": None})
    kept.layers = replace(kept.layers, pictures=left)
    return kept.size - before
