"""Decoding RLE Lossless (PS3.5 annex G): each byte of a value, of each colour, is a segment of packed bytes.

Decoded here, because the decoders at hand return a picture also where a segment holds more than the header says.
"""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from echoduet.data.dicom.pixel_format import PixelFormat, Values

_HEADER_BYTES = 64


def decode_run_lengths(content: bytes, pixels: PixelFormat) -> Values:
    """Return a frame's values, `(H, W)` or `(H, W, 3)`; colours are not transformed.

    Raises:
        ValueError: a segment is missing, or does not hold as many bytes as there are pixels.
        struct.error: the table of the segments is cut off.
    """
    depth = pixels.allocated // 8
    segments = _split(content, pixels.samples * depth)
    planes = np.stack([_unpack(segment, pixels.rows * pixels.columns) for segment in segments])
    shape = (pixels.samples, depth, pixels.rows, pixels.columns)
    # To (H, W, samples, depth): the high byte of a value comes first.
    values = np.ascontiguousarray(planes.reshape(shape).transpose(2, 3, 0, 1))
    joined: Values = values.view(">u2").astype(np.uint16) if depth == 2 else values
    return joined.reshape(pixels.shape)


def _split(content: bytes, count: int) -> list[bytes]:
    """Return the segments, whose number and places are told in the first 64 bytes."""
    told, *places = struct.unpack("<16L", content[:_HEADER_BYTES])
    if told != count:
        raise ValueError("another number of segments")
    edges = [*places[:count], len(content)]
    if any(a >= b for a, b in pairwise(edges)) or edges[0] < _HEADER_BYTES:
        raise ValueError("segments out of order")
    return [content[a:b] for a, b in pairwise(edges)]


def _unpack(segment: bytes, length: int) -> NDArray[np.uint8]:
    """Unpack a segment: below 128 so many bytes and one more follow as they are, above it one byte is repeated."""
    pieces: list[bytes] = []
    place, size, end = 0, 0, len(segment)
    while size < length and place < end:
        head = segment[place]
        if head < 128:
            pieces.append(segment[place + 1 : place + 2 + head])
            size += head + 1
            place += head + 2
        elif head > 128:
            pieces.append(segment[place + 1 : place + 2] * (257 - head))
            size += 257 - head
            place += 2
        else:
            place += 1
    values = np.frombuffer(b"".join(pieces), np.uint8)
    # A segment is of even length, by a byte of padding.
    if len(values) != length or end - place > 1:
        raise ValueError("another number of values")
    return values
