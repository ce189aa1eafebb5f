"""Where the frames lie: with and without an offset table, in one piece and several."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.encaps import generate_fragments

from echoduet.data.dicom.objects import Syntax, encode, make_dataset
from echoduet.errors import DicomError


def item(content):
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.fixture
def rebuilt(loop):
    """Return a function that writes the four frames' code streams anew, in pieces, and opens what they were."""

    def rebuild(syntax, pieces, table):
        dataset = make_dataset(loop, "MONOCHROME2")
        content = encode(dataset, syntax)
        streams = list(generate_fragments(dataset.PixelData))[1:]
        start = content.rindex(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12
        body, offsets = b"", []
        for stream in streams:
            offsets.append(len(body))
            size = -(-len(stream) // pieces) // 2 * 2 + 2
            body += b"".join(item(stream[at : at + size]) for at in range(0, len(stream), size))
        head = item(struct.pack(f"<{len(offsets)}L", *offsets) if table else b"")
        return content[:start] + head + body + DELIMITER

    return rebuild


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("syntax", [Syntax.JPEG, Syntax.JPEG_LS, Syntax.JPEG_2000])
def test_frames_in_one_piece_or_several_with_a_table_or_without(opened, file_of, loop, rebuilt, syntax, pieces, table):
    right = [scan.image for scan in opened(file_of(loop, syntax=syntax)).scans()]
    source = opened(rebuilt(syntax, pieces, table))
    np.testing.assert_array_equal([scan.image for scan in source.scans()], right)
    np.testing.assert_array_equal(source.scan(2).image, right[2])


def test_a_single_frame_in_pieces(opened, file_of, gray):
    content = file_of(gray[None], syntax=Syntax.JPEG_LS)
    start = content.rindex(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12
    (stream,) = list(generate_fragments(content[start:]))[1:]
    body = b"".join(item(stream[at : at + 100]) for at in range(0, len(stream), 100))
    source = opened(content[:start] + item(b"") + body + DELIMITER)
    np.testing.assert_array_equal(source.scan(0).image, gray)


def test_a_wrong_offset_table_is_not_believed(opened, loop, rebuilt):
    content = rebuilt(Syntax.JPEG_LS, 3, True)
    start = content.rindex(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 20
    wrong = content[:start] + struct.pack("<4L", 0, 7, 13, 999) + content[start + 16 :]
    np.testing.assert_array_equal([scan.image for scan in opened(wrong).scans()], loop)


@pytest.mark.parametrize("syntax", [Syntax.JPEG, Syntax.RLE])
def test_more_frames_than_declared_are_told(opened, file_of, loop, syntax):
    content = file_of(loop, syntax=syntax).replace(b"IS\x02\x004 ", b"IS\x02\x002 ")
    with pytest.raises(DicomError, match=r"^x: holds more frames than the 2 it declares\. Export the image again\.$"):
        opened(content)


def test_compressed_pixels_where_items_are_damaged(opened, file_of, loop):
    content = file_of(loop, syntax=Syntax.RLE)
    place = content.rindex(b"\xfe\xff\x00\xe0")
    with pytest.raises(DicomError, match=r"^x: its compressed pixels are damaged\."):
        opened(content[:place] + b"\xfe\xff\x11\xe0" + content[place + 4 :])


def test_compressed_pixels_in_an_uncompressed_syntax(opened, file_of, loop):
    content = file_of(loop, syntax=Syntax.RLE)
    lying = content.replace(b"UI\x14\x001.2.840.10008.1.2.5\0", b"UI\x14\x001.2.840.10008.1.2.1\0", 1)
    with pytest.raises(DicomError, match=r"^x: its pixels are compressed, its transfer syntax says they are not\."):
        opened(lying)


def test_padding_of_less_than_a_row_is_let_pass(opened, file_of, loop):
    padded = file_of(loop, PixelData=loop.tobytes() + bytes(38))
    np.testing.assert_array_equal(opened(padded).scan(3).image, loop[3])
    with pytest.raises(DicomError, match="more pixels than its header declares"):
        opened(file_of(loop, PixelData=loop.tobytes() + bytes(40)))
