"""From a frame's bytes to its values.

Uncompressed frames are read here; compressed ones by pydicom's decoders, one named for each transfer syntax, so that
the same file gives the same values everywhere. pylibjpeg-libjpeg is under the GPL and never used, even where it is
installed.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
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

from echoduet.data.dicom.codestreams import JPEG_2000, Claim, read_claim
from echoduet.data.dicom.deep_jpeg import can_decode, decode_deep
from echoduet.data.dicom.guard import guarded
from echoduet.data.dicom.pixel_format import YBR, PixelFormat, Values
from echoduet.data.dicom.plain_frames import read_plain, to_rgb
from echoduet.data.dicom.run_lengths import decode_run_lengths
from echoduet.errors import DicomError

UNCOMPRESSED: Final = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
)

_PLUGINS: Final[dict[UID, str]] = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
}
_OURS: Final = frozenset({*UNCOMPRESSED, RLELossless})
_LOSSLESS: Final = frozenset({JPEGLossless, JPEGLosslessSV1})
_DEEP_BITS: Final = 12


def check_syntax(syntax: UID, label: str) -> None:
    """Refuse a transfer syntax that is not read, or whose decoder is not installed.

    Raises:
        DicomError: it cannot be read.
    """
    if syntax in _OURS:
        return
    if syntax not in _LOSSLESS | _PLUGINS.keys():
        kind = "video" if "MPEG" in syntax.name or "HEVC" in syntax.name else "in a transfer syntax that is not read"
        raise DicomError(f"{label}: its frames are {kind}. Export them as JPEG, JPEG 2000, RLE or uncompressed.")
    if syntax in _PLUGINS and _PLUGINS[syntax] not in get_decoder(syntax).available_plugins:
        raise _lacking(label)


def _lacking(label: str) -> DicomError:
    return DicomError(f"{label}: its decoder is not installed. Install it by `pip install 'echoduet[dicom]'`.")


def decode(content: bytes, syntax: UID, pixels: PixelFormat, label: str, words: bool = False) -> Values:
    """Return a frame's values; colours come as red, green, blue, whatever the file has.

    Args:
        content: the frame's bytes, all of its fragments joined.
        syntax: the transfer syntax.
        pixels: how the frame is laid out.
        label: names the frame in messages.
        words: whether uncompressed bytes were written two by two, as words.

    Raises:
        DicomError: the frame is damaged, or not what the header says.
    """
    with guarded(label):
        if syntax in UNCOMPRESSED:
            return read_plain(content, pixels, syntax == ExplicitVRBigEndian, words)
        if syntax == RLELossless:
            return _checked(_in_rgb(decode_run_lengths(content, pixels), pixels), pixels)
        claim = _check_claim(read_claim(content), syntax, pixels, label)
        if claim.is_lossless or (claim.bits == _DEEP_BITS and claim.is_baseline):
            return _decode_deep(content, claim, syntax, pixels, label)
        return _decompress(content, syntax, pixels)


def _decode_deep(content: bytes, claim: Claim, syntax: UID, pixels: PixelFormat, label: str) -> Values:
    if not can_decode(claim):
        raise _lacking(label)
    return _checked(_in_rgb(decode_deep(content, claim, syntax, pixels), pixels), pixels)


def _in_rgb(values: Values, pixels: PixelFormat) -> Values:
    return to_rgb(values) if pixels.photometric in YBR else values


def _check_claim(claim: Claim | None, syntax: UID, pixels: PixelFormat, label: str) -> Claim:
    if claim is None or not _is_of(claim, syntax):
        raise DicomError(f"{label}: is not compressed as its transfer syntax says. Export it again.")
    if (claim.rows, claim.columns, claim.samples) != (pixels.rows, pixels.columns, pixels.samples):
        raise DicomError(f"{label}: its size is not what the header says. Export it again.")
    if claim.bits > pixels.allocated:
        raise DicomError(f"{label}: has more bits a value than the header says. Export it again.")
    return claim


def _is_of(claim: Claim, syntax: UID) -> bool:
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        return claim.is_baseline
    if syntax in _LOSSLESS:
        return claim.is_lossless
    if syntax in (JPEGLSLossless, JPEGLSNearLossless):
        return claim.is_jpeg_ls
    return claim.process == JPEG_2000


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
    return _checked(values, pixels)


def _checked(values: NDArray[Any], pixels: PixelFormat) -> Values:
    """Return the values unsigned, of as many bits as are stored."""
    if values.shape != pixels.shape:
        raise ValueError("another shape")
    unsigned = values.view(np.uint8 if values.dtype.itemsize == 1 else np.uint16)
    if not pixels.signed and int(unsigned.max()) >= 2**pixels.stored:
        raise ValueError("more bits than are stored")
    return np.asarray(unsigned & (2**pixels.stored - 1))
