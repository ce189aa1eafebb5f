"""What a compressed frame says of its own size, read before a decoder believes it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_BASELINE = frozenset({0xC0, 0xC1})
_LOSSLESS = frozenset({0xC3})
_JPEG_LS = frozenset({0xF7})
# Markers that stand alone, without a length.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a code stream says: its process (the marker of a JPEG frame; 0x51 for JPEG 2000), size, values, bits."""

    process: int
    rows: int
    columns: int
    samples: int
    bits: int

    @property
    def is_baseline(self) -> bool:
        """Whether it is sequential JPEG; a progressive one can be made to take very long."""
        return self.process in _BASELINE

    @property
    def is_lossless(self) -> bool:
        """Whether it is lossless JPEG (process 14)."""
        return self.process in _LOSSLESS

    @property
    def is_jpeg_ls(self) -> bool:
        """Whether it is JPEG-LS."""
        return self.process in _JPEG_LS


def read_claim(stream: bytes) -> Claim | None:
    """Return what a JPEG, JPEG-LS or JPEG 2000 code stream says of itself; None where it says nothing."""
    if stream[:4] == b"\xff\x4f\xff\x51":
        return _read_jpeg_2000(stream)
    return _read_jpeg(stream) if stream[:2] == b"\xff\xd8" else None


def _read_jpeg(stream: bytes) -> Claim | None:
    """Read the frame header (ISO 10918-1 B.2.2): marker, length, bits, rows, columns, components."""
    place = 2
    while place + 4 <= len(stream):
        if stream[place] != 0xFF:
            return None
        marker = stream[place + 1]
        if marker == 0xFF or marker in _BARE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker in _SIZES:
            return _read_frame_header(stream, place, marker)
        place += 2 + int.from_bytes(stream[place + 2 : place + 4])
    return None


def _read_frame_header(stream: bytes, place: int, marker: int) -> Claim | None:
    if place + 10 > len(stream):
        return None
    bits, rows, columns, samples = struct.unpack(">BHHB", stream[place + 4 : place + 10])
    return Claim(marker, rows, columns, samples, bits)


def _read_jpeg_2000(stream: bytes) -> Claim | None:
    """Read the SIZ marker (ISO 15444-1 A.5.1)."""
    if len(stream) < 43:
        return None
    right, bottom, left, top, tile_width, tile_height = struct.unpack(">6L", stream[8:32])
    samples, bits = int.from_bytes(stream[40:42]), (stream[42] & 0x7F) + 1
    rows, columns = bottom - top, right - left
    # A decoder keeps a table of the tiles: the standard allows 65,535, nobody needs a tenth of them.
    if min(tile_width, tile_height) == 0 or rows * columns > 4096 * tile_width * tile_height:
        return None
    return Claim(0x51, rows, columns, samples, bits)
