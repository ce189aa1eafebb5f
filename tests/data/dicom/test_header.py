"""The header of a file: with and without preamble, deflated, encrypted, too large, nested without end."""

from __future__ import annotations

import struct
import zlib

import pytest

from echoduet.data.dicom import guard
from echoduet.data.dicom.header import read_header
from echoduet.data.dicom.objects import Syntax
from echoduet.data.uploads import Upload
from echoduet.errors import DicomError

ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
SEQUENCE = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff"


def before_pixels(content, extra):
    """Put elements where group 0009 belongs, before the modality's group ends."""
    place = content.index(b"\x10\x00\x10\x00")
    return content[:place] + extra + content[place:]


@pytest.mark.parametrize("syntax", [Syntax.IMPLICIT, Syntax.EXPLICIT, Syntax.BIG_ENDIAN])
def test_a_file_without_preamble_and_meta_is_understood(file_of, opened, loop, syntax):
    content = file_of(loop, syntax=syntax)
    start = content.index(b"\x00\x08\x00\x05" if syntax is Syntax.BIG_ENDIAN else b"\x08\x00\x05\x00")
    source = opened(content[start:])
    assert (source.scan(3).image == loop[3]).all()
    assert opened(content[132:]).frame_count == 4


@pytest.mark.parametrize("syntax", Syntax)
def test_where_the_pixels_lie(file_of, loop, syntax):
    header = read_header(Upload(file_of(loop, syntax=syntax), "x"), "x")
    assert header.syntax == syntax.uid
    assert header.pixels.keyword == "PixelData"
    assert (header.pixels.length is None) == syntax.uid.is_encapsulated
    with header.open() as stream:
        stream.seek(header.pixels.start)
        head = stream.read(4)
    assert head == (b"\xfe\xff\x00\xe0" if syntax.uid.is_encapsulated else loop.tobytes()[:4])


def test_long_values_are_left_out_and_the_rest_is_kept(file_of, loop):
    long, short = bytes(guard.VALUE_BYTES + 2), b"kept"
    extra = b"".join(
        struct.pack("<HH2sHL", 9, element, b"OB", 0, len(value)) + value
        for element, value in ((0x1001, short), (0x1002, long))
    )
    dataset = read_header(Upload(before_pixels(file_of(loop), extra), "x"), "x").dataset
    assert dataset[0x00091001].value == short
    assert 0x00091002 not in dataset
    assert dataset.Rows == 36


def test_what_cannot_be_understood_is_left_out(file_of, opened, loop):
    three_bytes = struct.pack("<HH2sH", 8, 0x2124, b"US", 3) + b"abc"
    dataset = opened(before_pixels(file_of(loop), three_bytes)).dataset
    assert 0x00082124 not in dataset
    assert dataset.Modality == "US"


def test_an_encrypted_file_is_told(opened):
    envelope = bytes.fromhex("3082040006092a864886f70d010703a08203f1") + bytes(200)
    with pytest.raises(DicomError, match=r"^x: is encrypted\. Decrypt it"):
        opened(envelope)


def test_a_deflated_bomb_is_not_inflated(file_of, opened, loop, monkeypatch):
    monkeypatch.setattr(guard, "INFLATED_BYTES", 1 << 20)
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = squeezer.compress(bytes(4 << 20)) + squeezer.flush()
    assert len(bomb) < 8192
    with pytest.raises(DicomError, match=r"^x: inflates to more than 1 MiB\. Export it without deflation\.$"):
        opened(meta_of(file_of(loop, syntax=Syntax.DEFLATED)) + bomb)


def meta_of(content):
    """Return the preamble and group 2."""
    (length,) = struct.unpack("<L", content[140:144])
    return content[: 144 + length]


@pytest.mark.parametrize("depth", [50, 5_000, 60_000])
def test_sequences_nested_without_end(file_of, opened, loop, depth):
    content = before_pixels(file_of(loop), (SEQUENCE + ITEM) * depth)
    with pytest.raises(DicomError, match=r"^x: "):
        opened(content)


def test_sequences_nested_ten_deep_do_no_harm(file_of, opened, loop):
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    content = before_pixels(file_of(loop), (SEQUENCE + ITEM) * 10 + closed * 10)
    assert opened(content).frame_count == 4


def test_more_elements_than_any_header_has(file_of, opened, loop):
    extra = b"".join(struct.pack("<HH2sH", 9, element, b"LO", 0) for element in range(0x1000, 0xFFFF)) * 4
    with pytest.raises(DicomError, match=r"^x: its header is larger than any that is read\."):
        opened(before_pixels(file_of(loop), extra))


def test_more_text_than_any_header_has(file_of, opened, loop):
    many = b"".join(struct.pack("<HH2sH", 0x18, 0x9000 + n, b"DS", 65534) + b"1\\" * 32767 for n in range(40))
    with pytest.raises(DicomError, match=r"^x: its header is larger than any that is read\."):
        opened(before_pixels(file_of(loop), many))


def test_a_length_beyond_the_file_takes_no_memory(file_of, opened, loop):
    extra = struct.pack("<HH2sHL", 9, 0x1001, b"UT", 0, 0xFFFFFFF0)
    with pytest.raises(DicomError, match=r"^x: "):
        opened(before_pixels(file_of(loop), extra))
