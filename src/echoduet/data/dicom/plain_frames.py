"""Reading uncompressed frames, and colours that are not red, green and blue."""

from __future__ import annotations

import numpy as np
from pydicom.pixels.processing import convert_color_space

from echoduet.data.dicom.pixel_format import YBR, PixelFormat, Values


def read_plain(content: bytes, pixels: PixelFormat, big_endian: bool, words: bool) -> Values:
    """Return the values of an uncompressed frame; colours come as red, green, blue.

    Args:
        content: the frame's bytes.
        pixels: how they are laid out.
        big_endian: whether the first byte of a word is its high one.
        words: whether bytes were written two by two, as words.

    Raises:
        ValueError: there are not as many bytes as the frame has.
    """
    if big_endian and words and pixels.allocated == 8:
        content = np.frombuffer(content, np.uint16).byteswap().tobytes()
    dtype = np.dtype(np.uint8 if pixels.allocated == 8 else ">u2" if big_endian else "<u2")
    flat: Values = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    if pixels.shift or pixels.stored < pixels.allocated:
        flat = (flat >> pixels.shift) & (2**pixels.stored - 1)
    if pixels.photometric == "YBR_FULL_422":
        return to_rgb(_share_colours(flat, pixels))
    if pixels.samples == 1:
        return flat.reshape(pixels.shape)
    values = flat.reshape((3, *pixels.shape[:2])).transpose(1, 2, 0) if pixels.planar else flat.reshape(pixels.shape)
    return to_rgb(values) if pixels.photometric in YBR else values


def _share_colours(flat: Values, pixels: PixelFormat) -> Values:
    """Give two neighbours the colour they share: Y1 Y2 Cb Cr becomes Y1 Cb Cr, Y2 Cb Cr."""
    pairs = flat.reshape(-1, 4)
    return pairs[:, [0, 2, 3, 1, 2, 3]].reshape(pixels.shape)


def to_rgb(values: Values) -> Values:
    """Return YBR_FULL as red, green, blue, `(H, W, 3)` (PS3.3 C.7.6.3.1.2)."""
    return np.asarray(convert_color_space(values, "YBR_FULL", "RGB"))
