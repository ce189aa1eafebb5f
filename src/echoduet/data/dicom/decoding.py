"""From a frame's bytes to its values.

Uncompressed frames are read here; compressed ones by pydicom's decoders, one named for each transfer syntax, so that
the same file gives the same values everywhere. pylibjpeg-libjpeg is under the GPL and never used, even where it is
installed: Pillow decodes JPEG, GDCM lossless JPEG.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from echoduet.data.dicom.codestreams import Claim, read_claim
from echoduet.data.dicom.guard import guarded
from echoduet.data.dicom.pixel_format import YBR, PixelFormat
from echoduet.errors import DicomError

Values = NDArray[np.unsignedinteger[Any]]
"""Values of a frame as they are stored, unsigned, unused bits zero: `(H, W)`, or red, green, blue `(H, W, 3)`."""

UNCOMPRESSED: Final = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
)

_PLUGINS: Final[dict[UID, str]] = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    RLELossless: "pylibjpeg",
}

EXTRA = "pip install 'echoduet[dicom]'"


def check_syntax(syntax: UID, label: str) -> None:
    """Refuse a transfer syntax that is not read, or whose decoder is not installed.

    Raises:
        DicomError: it cannot be read.
    """
    if syntax in UNCOMPRESSED:
        return
    if syntax not in _PLUGINS:
        kind = "video" if "MPEG" in syntax.name or "HEVC" in syntax.name else "in a transfer syntax that is not read"
        raise DicomError(f"{label}: its frames are {kind}. Export them as JPEG, JPEG 2000, RLE or uncompressed.")
    if _PLUGINS[syntax] not in get_decoder(syntax).available_plugins:
        raise DicomError(f"{label}: needs a decoder that is not installed. Install it by `{EXTRA}`.")


def decode(content: bytes, syntax: UID, pixels: PixelFormat, label: str) -> Values:
    """Return a frame's values; colours come as red, green, blue, whatever the file has.

    Args:
        content: the frame's bytes, all of its fragments joined.
        syntax: the transfer syntax.
        pixels: how the frame is laid out.
        label: names the frame in messages.

    Raises:
        DicomError: the frame is damaged, or not what the header says.
    """
    with guarded(label):
        if syntax in UNCOMPRESSED:
            return _read_plain(content, pixels, big_endian=syntax == ExplicitVRBigEndian)
        _check_claim(read_claim(content), syntax, pixels, label)
        return _decompress(content, syntax, pixels)


def _read_plain(content: bytes, pixels: PixelFormat, big_endian: bool) -> Values:
    dtype = np.dtype(np.uint8 if pixels.allocated == 8 else ">u2" if big_endian else "<u2")
    flat: Values = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    if pixels.shift or pixels.stored < pixels.allocated:
        flat = (flat >> pixels.shift) & (2**pixels.stored - 1)
    if pixels.photometric == "YBR_FULL_422":
        return _to_rgb(_share_colours(flat, pixels))
    if pixels.samples == 1:
        return flat.reshape(pixels.shape)
    values = flat.reshape((3, *pixels.shape[:2])).transpose(1, 2, 0) if pixels.planar else flat.reshape(pixels.shape)
    return _to_rgb(values) if pixels.photometric in YBR else values


def _share_colours(flat: Values, pixels: PixelFormat) -> Values:
    """Give two neighbours the colour they share: Y1 Y2 Cb Cr becomes Y1 Cb Cr, Y2 Cb Cr."""
    pairs = flat.reshape(-1, 4)
    return pairs[:, [0, 2, 3, 1, 2, 3]].reshape(pixels.shape)


def _to_rgb(values: Values) -> Values:
    return np.asarray(convert_color_space(values, "YBR_FULL", "RGB"))


def _check_claim(claim: Claim | None, syntax: UID, pixels: PixelFormat, label: str) -> None:
    if syntax == RLELossless:
        return
    if claim is None or not _is_of(claim, syntax):
        raise DicomError(f"{label}: is not compressed as its transfer syntax says. Export it again.")
    if (claim.rows, claim.columns, claim.samples) != (pixels.rows, pixels.columns, pixels.samples):
        raise DicomError(f"{label}: its size is not what the header says. Export it again.")
    if claim.is_baseline and claim.bits != 8:
        raise DicomError(f"{label}: is JPEG with {claim.bits} bits a value; 8 are read. Export it as lossless JPEG.")
    if claim.bits > pixels.allocated:
        raise DicomError(f"{label}: has more bits a value than the header says. Export it again.")


def _is_of(claim: Claim, syntax: UID) -> bool:
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        return claim.is_baseline
    if syntax in (JPEGLossless, JPEGLosslessSV1):
        return claim.is_lossless
    if syntax in (JPEGLSLossless, JPEGLSNearLossless):
        return claim.is_jpeg_ls
    return claim.process == 0x51


def _decompress(content: bytes, syntax: UID, pixels: PixelFormat) -> Values:
    options: dict[str, Any] = {
        "rows": pixels.rows,
        "columns": pixels.columns,
        "number_of_frames": 1,
        "samples_per_pixel": pixels.samples,
        "photometric_interpretation": pixels.photometric,
        "planar_configuration": pixels.planar,
        "bits_allocated": pixels.allocated,
        "bits_stored": pixels.stored,
        "pixel_representation": int(pixels.signed),
    }
    # One frame in one item, so that a decoder is never handed the bytes of another.
    source = encapsulate([content], has_bot=False)
    values, _ = get_decoder(syntax).as_array(source, index=0, decoding_plugin=_PLUGINS[syntax], **options)
    if values.shape != pixels.shape:
        raise ValueError("another shape")
    unsigned = values.view(np.uint8 if values.dtype.itemsize == 1 else np.uint16)
    return np.asarray(unsigned & (2**pixels.stored - 1))
