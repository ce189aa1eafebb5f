"""Finding where in the file each frame lies, without reading the frames."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from pydicom.uid import RLELossless

from echoduet.data.dicom.header import Header, PixelElement
from echoduet.data.dicom.pixel_format import PixelFormat
from echoduet.errors import DicomError

_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_MOST_FRAGMENTS = 200_000
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff")  # JPEG and JPEG-LS; JPEG 2000


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of compressed data: its place in the file, its length, and whether the file holds all of it."""

    start: int
    length: int
    whole: bool = True


Frame = tuple[Fragment, ...]
"""The pieces that one frame consists of, in order."""


def locate_frames(stream: BinaryIO, header: Header, pixels: PixelFormat, label: str) -> list[Frame]:
    """Return the frames that the file holds wholly, in order: fewer than it declares where it ends early.

    Raises:
        DicomError: there is more than the header declares, or the two do not fit together.
    """
    element = header.pixels
    if element is None or element.keyword != "PixelData":
        raise DicomError(f"{label}: holds no pixels that can be read. Export the image itself.")
    if element.length is None and not header.syntax.is_encapsulated:
        raise DicomError(f"{label}: its pixels are compressed, its transfer syntax says they are not. Export it again.")
    if header.syntax.is_encapsulated:
        return _compressed(stream, header, element, pixels.frames, label)
    return _uncompressed(header, element, pixels, label)


def _uncompressed(header: Header, element: PixelElement, pixels: PixelFormat, label: str) -> list[Frame]:
    length = header.size - element.start if element.length is None else element.length
    each = pixels.frame_bytes
    if pixels.photometric == "YBR_FULL_422" and pixels.columns % 2:
        raise DicomError(f"{label}: an odd number of Columns cannot share colours in pairs. Export the image as RGB.")
    # Up to a row of padding is let pass; more means that rows, columns, frames or bits are not what the header says.
    if length - each * pixels.frames > max(1, each // pixels.rows - 1):
        raise DicomError(f"{label}: holds more pixels than its header declares. Export the image again.")
    if length < each * pixels.frames:
        raise DicomError(f"{label}: holds fewer pixels than its header declares. Export the image again.")
    whole = min(pixels.frames, (header.size - element.start) // each)
    return [(Fragment(element.start + n * each, each),) for n in range(whole)]


def _compressed(stream: BinaryIO, header: Header, element: PixelElement, frames: int, label: str) -> list[Frame]:
    fragments = _walk(stream, element.start, header.size, label)
    if not fragments:
        return []
    table, pieces = fragments[0], fragments[1:]
    groups = _group(stream, pieces, _offsets(stream, table), frames, header)
    if len(groups) > frames:
        raise DicomError(f"{label}: holds more frames than the {frames:,} it declares. Export the image again.")
    return [group for group in groups if all(piece.whole for piece in group)]


def _walk(stream: BinaryIO, start: int, size: int, label: str) -> list[Fragment]:
    """Return all items, the offset table first; the walk ends at the delimiter or where the file does."""
    found: list[Fragment] = []
    while len(found) <= _MOST_FRAGMENTS:
        stream.seek(start)
        head = stream.read(8)
        if len(head) < 8:
            return found
        group, element, length = struct.unpack("<HHL", head)
        tag = group << 16 | element
        if tag == _DELIMITER:
            return found
        if tag != _ITEM:
            break
        found.append(Fragment(start + 8, min(length, size - start - 8), start + 8 + length <= size))
        start += 8 + length
    raise DicomError(
        f"{label}: its compressed pixels are damaged. Restore the file from its source, or export it again."
    )


def _offsets(stream: BinaryIO, table: Fragment) -> Sequence[int]:
    stream.seek(table.start)
    content = stream.read(min(table.length, 4 * _MOST_FRAGMENTS) // 4 * 4)
    return struct.unpack(f"<{len(content) // 4}L", content)


def _group(
    stream: BinaryIO, pieces: list[Fragment], offsets: Sequence[int], frames: int, header: Header
) -> list[Frame]:
    """Tell which pieces make up a frame (PS3.5 A.4): one each, or as the offset table or the pieces themselves say."""
    if header.syntax == RLELossless or (len(pieces) == frames and frames > 1):
        return [(piece,) for piece in pieces]
    first = pieces[0].start - 8 if pieces else 0
    starts = [n for n, piece in enumerate(pieces) if piece.start - 8 - first in set(offsets)]
    if len(starts) != frames or len(offsets) != frames:
        starts = [n for n, piece in enumerate(pieces) if _begins_image(stream, piece)]
    if not starts or starts[0] != 0:
        starts = [0, *starts] if frames > 1 else [0]
    return [tuple(pieces[a:b]) for a, b in pairwise([*starts, len(pieces)])] if pieces else []


def _begins_image(stream: BinaryIO, piece: Fragment) -> bool:
    stream.seek(piece.start)
    return stream.read(3) in _STARTS
