"""What a JPEG 2000 code stream says of itself (ISO 15444-1 annex A), read before a decoder believes it.

A hundred bytes can ask for a table entry for every few pixels: 2,000 x 2,000 pixels in precincts of 2 x 2 took OpenJPEG
2.2 GB and ten seconds. Such streams say nothing that is of use, and are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SIZE, _CODING, _CODING_OF_COMPONENT, _TILE, _DATA = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93

_MOST_TILES = 4096
_MOST_PRECINCTS = 100_000
_MOST_BLOCKS = 300_000


@dataclass(frozen=True, slots=True)
class Size:
    """The SIZ marker: size in pixels, how many components and tiles, and bits of a value."""

    rows: int
    columns: int
    samples: int
    bits: int
    tiles: int


def read_size(stream: bytes) -> Size | None:
    """Return the size of a code stream; None where it has none, or asks for more tables than any image needs."""
    if len(stream) < 43 or stream[2:4] != b"\xff\x51":
        return None
    right, bottom, left, top, tile_width, tile_height = struct.unpack(">6L", stream[8:32])
    samples, bits = int.from_bytes(stream[40:42]), (stream[42] & 0x7F) + 1
    rows, columns = bottom - top, right - left
    if min(tile_width, tile_height) == 0:
        return None
    size = Size(rows, columns, samples, bits, -(-rows // tile_height) * -(-columns // tile_width))
    return size if size.tiles <= _MOST_TILES and _is_modest(stream, size) else None


def _is_modest(stream: bytes, size: Size) -> bool:
    """Tell whether every coding style in the stream, of the whole or a tile, keeps to few precincts and blocks."""
    for marker, content in _segments(stream):
        style = content if marker == _CODING else content[1 if size.samples < 257 else 2 :]
        if marker == _CODING and not _keeps_few(style[:1] + style[5:], size):
            return False
        if marker == _CODING_OF_COMPONENT and not _keeps_few(style, size):
            return False
    return True


def _keeps_few(style: bytes, size: Size) -> bool:
    """Judge Scod (or Scoc), then levels, log2 of the blocks' width and height less 2, style, filter, precincts."""
    if len(style) < 6:
        return False
    levels, width, height = style[1], style[2] + 2, style[3] + 2
    blocks = (size.rows * size.columns) >> min(width + height, 64)
    if not style[0] & 1:
        return blocks <= _MOST_BLOCKS and levels <= 32
    precincts = style[6 : 7 + levels]
    if len(precincts) != levels + 1:
        return False
    count = sum(
        ((size.columns >> levels - n) >> (both & 15)) * ((size.rows >> levels - n) >> (both >> 4))
        for n, both in enumerate(precincts)
    )
    return count <= _MOST_PRECINCTS and blocks <= _MOST_BLOCKS


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker segments of the main header and of every tile part's."""
    place, part_end = 2, None
    while place + 4 <= len(stream):
        marker, length = struct.unpack(">HH", stream[place : place + 4])
        if marker == _DATA:
            if part_end is None or part_end <= place:
                return
            place, part_end = part_end, None
            continue
        content = stream[place + 4 : place + 2 + length]
        if marker == _TILE and len(content) == 8:
            part_end = place + int.from_bytes(content[2:6])
        yield marker, content
        place += 2 + max(length, 2)
