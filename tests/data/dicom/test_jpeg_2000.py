"""JPEG 2000 streams of a hundred bytes that ask for gigabytes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from echoduet.data.dicom.jpeg_2000 import read_size


def segment(marker, content):
    return struct.pack(">HH", marker, len(content) + 2) + content


def stream(width, height, tile=None, precinct=None, block=4, levels=5, in_tile=False, component=False):
    """Return a code stream with an empty tile; `precinct` and `block` are log2 (the latter less 2)."""
    tile = tile or max(width, height)
    size = struct.pack(">HIIIIIIIIH", 0, width, height, 0, 0, tile, tile, 0, 0, 1) + bytes([7, 1, 1])
    partition = b"" if precinct is None else bytes([precinct | precinct << 4]) * (levels + 1)
    plain = bytes([0, 0, 0, 1, 0, 5, 4, 4, 0, 1])
    style = bytes([precinct is not None, 0, 0, 1, 0, levels, block, block, 0, 1]) + partition
    if component:
        style = bytes([0, precinct is not None, levels, block, block, 0, 1]) + partition
    asked = segment(0xFF53 if component else 0xFF52, style)
    quantisation = segment(0xFF5C, bytes([0x40]) + bytes([64] * (3 * levels + 1)))
    head = b"\xff\x4f" + segment(0xFF51, size)
    head += (segment(0xFF52, plain) if in_tile or component else b"") + (b"" if in_tile else asked) + quantisation
    extra = asked if in_tile else b""
    body = extra + b"\xff\x93" + b"\x80" * 4
    return head + segment(0xFF90, struct.pack(">HIBB", 0, 12 + len(body), 0, 1)) + body + b"\xff\xd9"


@pytest.mark.parametrize(
    "more", [{}, {"tile": 64}, {"precinct": 7}, {"precinct": 8, "in_tile": True}, {"component": True}]
)
def test_modest_streams_tell_their_size(more):
    size = read_size(stream(800, 600, **more))
    assert (size.rows, size.columns, size.samples, size.bits) == (600, 800, 1, 8)


@pytest.mark.parametrize("in_tile", [False, True])
@pytest.mark.parametrize("component", [False, True])
@pytest.mark.parametrize("asked", [{"precinct": 1}, {"precinct": 0}, {"block": 0}])
def test_streams_that_ask_for_too_many_tables_are_none(asked, in_tile, component):
    assert read_size(stream(4000, 3000, in_tile=in_tile, component=component, **asked)) is None


def test_too_many_tiles_or_none_are_none():
    assert read_size(stream(4000, 3000, tile=8)) is None
    content = bytearray(stream(4000, 3000))
    content[24:28] = bytes(4)
    assert read_size(bytes(content)) is None


def test_a_cut_off_style_is_none():
    content = stream(800, 600, precinct=7, levels=5)
    place = content.index(b"\xff\x52")
    short = content[:place] + segment(0xFF52, bytes([1, 0, 0, 1, 0, 5, 4, 4, 0, 1, 0x77]))
    assert read_size(short) is None
    assert read_size(content[:42]) is None


@pytest.mark.parametrize(
    "options", [{}, {"tile_size": (64, 64)}, {"precinct_size": (128, 128)}, {"num_resolutions": 3}]
)
def test_streams_of_another_writer(options, rng):
    written = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (200, 300), dtype=np.uint8)).save(written, "JPEG2000", no_jp2=True, **options)
    size = read_size(written.getvalue())
    assert (size.rows, size.columns) == (200, 300)
