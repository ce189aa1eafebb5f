"""Reading ultrasound pictures as gray arrays, whatever mode the file has, and writing PNGs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from echoduet.data.quiet import without_warnings
from echoduet.data.uploads import PictureFile
from echoduet.errors import ImageError, ShapeError
from echoduet.files import atomic_path
from echoduet.records import ColourImage, GrayImage

MAX_PIXELS = 64_000_000
"""Largest image that is decoded, in pixels: far above any ultrasound frame, far below what fills the memory."""

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
"""File name extensions (lower case) under which images are looked for; what a file holds is decided by its content."""

# The decoders are called directly, not through Image.open: no other format can be smuggled in under a wrong
# extension, and the pixel limit is ours instead of Pillow's process-wide warning.
_DECODERS: tuple[tuple[bytes, type[ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"\xff\xd8\xff", JpegImageFile),
    (b"II\x2a\x00", TiffImageFile),
    (b"MM\x00\x2a", TiffImageFile),
    (b"BM", BmpImageFile),
)
# What Pillow raises on damaged files; SyntaxError is its "this is not my format".
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error, zlib.error)


def is_image_name(path: Path) -> bool:
    """Tell whether the file's extension is one of `IMAGE_SUFFIXES`."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def looks_like_picture(head: bytes) -> bool:
    """Tell by its first bytes whether a file claims to be a PNG, JPEG, TIFF or BMP."""
    return any(head.startswith(signature) for signature, _ in _DECODERS)


def read_gray(path: PictureFile, max_pixels: int = MAX_PIXELS) -> GrayImage:
    """Return the image as gray values 0-255, `(H, W)`.

    Colours become ITU-R 601 luma (0.299 R + 0.587 G + 0.114 B), transparency is composited over black, and 16-bit
    values are shifted down to 8. Of a multi-page TIFF the first page is read.

    Raises:
        ImageError: the file is missing, empty, damaged, no image, or larger than `max_pixels`.
    """
    with decoded(path, max_pixels) as picture:
        if picture.mode[0] in "IF":
            return _to_8_bits(np.asarray(picture), path)
        return np.array(over_black(picture).convert("L"))


def read_colour_and_gray(path: PictureFile, max_pixels: int = MAX_PIXELS) -> tuple[ColourImage, GrayImage]:
    """Return the image as colours, `(H, W, 3)`, and as gray values, `(H, W)`, decoded once.

    The gray values are those of `read_gray`; an image without colours has them in all three channels.

    Raises:
        ImageError: as `read_gray`.
    """
    gray, colour = read_gray_and_colour(path, max_pixels)
    return np.repeat(gray[:, :, None], 3, axis=2) if colour is None else colour, gray


def read_gray_and_colour(path: PictureFile, max_pixels: int = MAX_PIXELS) -> tuple[GrayImage, ColourImage | None]:
    """Return the gray values of `read_gray`, and the colours `(H, W, 3)` of a picture that has any, decoded once.

    A file in a colour mode whose red, green and blue are the same everywhere has none.

    Raises:
        ImageError: as `read_gray`.
    """
    with decoded(path, max_pixels) as picture:
        if picture.mode[0] in "IF":
            return _to_8_bits(np.asarray(picture), path), None
        opaque = over_black(picture)
        if opaque.mode in ("1", "L"):
            return np.array(opaque.convert("L")), None
        colour = np.array(opaque.convert("RGB"))
        red, green, blue = cv2.split(colour)
        if np.array_equal(red, green) and np.array_equal(red, blue):
            return np.asarray(red, np.uint8), None  # the weights of luma sum up to 1, exactly
        return np.array(opaque.convert("L")), colour


def image_size(path: PictureFile) -> tuple[int, int]:
    """Return `(width, height)` in pixels from the file's header, without decoding the pixels.

    Raises:
        ImageError: the file is missing, empty or no image.
    """
    with _opened(path) as picture:
        return picture.size


def write_png(path: Path, array: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
    """Write a PNG, atomically: `(H, W)` uint8 as gray, `(H, W)` bool as 0/255, `(H, W, 3 or 4)` uint8 as colour.

    Raises:
        ShapeError: the array is not an image.
        OutputError: the file cannot be written.
    """
    channels = array.shape[2:] if array.ndim == 3 else (1,)
    if array.ndim not in (2, 3) or channels[0] not in (1, 3, 4) or array.dtype not in (np.uint8, np.bool_):
        raise ShapeError(f"{path.name}: a picture is (H, W) or (H, W, 3 or 4) uint8, got {array.shape} {array.dtype}.")
    pixels = array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")


@contextmanager
def decoded(path: PictureFile, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Yield the decoded picture in the file's own mode; the size is checked before a pixel is decoded.

    Raises:
        ImageError: as `read_gray`.
    """
    with _opened(path) as picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise ImageError(
                f"{path}: {width}x{height} pixels, more than the {max_pixels:,} that are read. Crop or shrink it."
            )
        with _hushed(type(picture)):
            picture.load()
        yield picture


def over_black(picture: Image.Image) -> Image.Image:
    """Return the picture composited over black where it has transparency, else as it is."""
    if not picture.has_transparency_data:
        return picture
    colours = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, (0, 0, 0, 255)), colours)


@contextmanager
def _opened(path: PictureFile) -> Iterator[ImageFile]:
    """Yield the picture with its header parsed; everything that goes wrong until it is closed is an ImageError."""
    try:
        with path.open("rb") as stream:
            decoder = _decoder(stream)
            with _hushed(decoder):
                picture = decoder(stream, str(path))
            yield picture
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: {error}.") from error
    except _DAMAGE as error:
        raise ImageError(f"{path}: {_reason(error)}.") from error


def _hushed(decoder: type[ImageFile]) -> AbstractContextManager[None]:
    """Keep Pillow from warning about a TIFF's tags: what matters for the pixels is raised as an error anyway."""
    return without_warnings(UserWarning) if decoder is TiffImageFile else nullcontext()


def _decoder(stream: BinaryIO) -> type[ImageFile]:
    head = stream.read(8)
    stream.seek(0)
    if not head:
        raise UnidentifiedImageError("is empty (0 bytes). Restore the file from its source")
    for signature, decoder in _DECODERS:
        if head.startswith(signature):
            return decoder
    raise UnidentifiedImageError("is no PNG, JPEG, TIFF or BMP image. Convert or remove it")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing. Restore the file, or take its case out"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    return f"is damaged ({str(error).strip(' .')}). Restore the file from its source"


def _to_8_bits(values: NDArray[np.generic], path: PictureFile) -> GrayImage:
    """Bring 16- and 32-bit values to 0-255.

    Twelve-bit scans come in 16-bit files, so the depth is taken from the largest value: 8, 12 or 16 bits.
    Floating-point images are taken as 0-1 when nothing in them exceeds 1.
    """
    if not np.all(np.isfinite(values)):
        raise ImageError(f"{path}: holds values that are not finite. Save it with 8 or 16 bits a pixel.")
    low, peak = float(np.min(values)), float(np.max(values))
    if low < 0 or peak > 65535:
        raise ImageError(f"{path}: holds values from {low:g} to {peak:g}. Save it with 8 or 16 bits a pixel.")
    if values.dtype.kind == "f" and peak <= 1:
        return np.rint(np.asarray(values, np.float64) * 255).astype(np.uint8)
    depth = next(bits for bits in (8, 12, 16) if peak < 2**bits)
    return (np.asarray(values).astype(np.uint16) >> np.uint16(depth - 8)).astype(np.uint8)
