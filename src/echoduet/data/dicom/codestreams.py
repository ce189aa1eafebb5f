"""What a compressed frame says of its own size, read before a decoder believes it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from echoduet.data.dicom.jpeg_2000 import read_size

JPEG_2000 = 0x51
"""Stands for the process where the stream is JPEG 2000."""

_BASELINE = frozenset({0xC0, 0xC1})
_LOSSLESS = frozenset({0xC3})
_JPEG_LS = frozenset({0xF7})
_SCAN = 0xDA
# Markers that stand alone, without a length.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a code stream says: its process (the second byte of its marker), size, values, bits."""

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
    if stream[:2] == b"\xff\x4f":
        size = read_size(stream)
        return None if size is None else Claim(JPEG_2000, size.rows, size.columns, size.samples, size.bits)
    return _read_jpeg(stream) if stream[:2] == b"\xff\xd8" else None


def without_application_data(stream: bytes) -> bytes:
    """Return a JPEG stream without its APP and comment segments, in which JFIF and Adobe speak of colours."""
    kept, place = [stream[:2]], 2
    for start, marker, end in _segments(stream):
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(stream[start:end])
        place = end
    return b"".join([*kept, stream[place:]])


def _read_jpeg(stream: bytes) -> Claim | None:
    """Read the frame header (ISO 10918-1 B.2.2): marker, length, bits, rows, columns, components."""
    for start, marker, end in _segments(stream):
        if marker in _SIZES and start + 10 <= min(end, len(stream)):
            bits, rows, columns, samples = struct.unpack(">BHHB", stream[start + 4 : start + 10])
            return Claim(marker, rows, columns, samples, bits)
    return None


def _segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield where each marker segment before the first scan begins, its marker, and where it ends."""
    place = 2
    while place + 4 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == _SCAN:
            return
        if marker == 0xFF or marker in _BARE:
            place += 1 if marker == 0xFF else 2
            continue
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4])
        yield place, marker, end
        place = end
