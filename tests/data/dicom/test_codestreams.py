"""What compressed frames say of their own size."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from echoduet.data.dicom.codestreams import JPEG_2000, read_claim, without_application_data
from echoduet.data.dicom.objects import Syntax
from echoduet.errors import DicomError


def jpeg(shape, **options):
    stream = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(stream, "JPEG", **options)
    return stream.getvalue()


@pytest.mark.parametrize(("shape", "samples"), [((40, 60), 1), ((30, 50, 3), 3)])
def test_jpeg_and_jpeg_2000(shape, samples):
    claim = read_claim(jpeg(shape))
    assert (claim.rows, claim.columns, claim.samples, claim.bits) == (*shape[:2], samples, 8)
    assert claim.is_baseline
    stream = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(stream, "JPEG2000", no_jp2=True)
    claim = read_claim(stream.getvalue())
    assert (claim.rows, claim.columns, claim.samples, claim.bits) == (*shape[:2], samples, 8)
    assert claim.process == JPEG_2000


def test_a_progressive_stream_is_no_baseline():
    assert not read_claim(jpeg((40, 60), progressive=True)).is_baseline


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xda\0\0", b"RIFF" * 20, b"\xff\x4f\xff\x51"]
)
def test_what_says_nothing(content):
    assert read_claim(content) is None


def test_every_cut_of_a_header_is_none_or_the_truth():
    content = jpeg((40, 60))
    claims = {read_claim(content[:end]) for end in range(len(content))}
    assert claims == {None, read_claim(content)}


def test_fill_bytes_and_bare_markers_are_stepped_over():
    content = jpeg((40, 60))
    stuffed = content[:2] + b"\xff\xff\x01\xff" + content[2:]
    assert read_claim(stuffed) == read_claim(content)


def test_only_application_data_and_comments_are_taken_out():
    content = jpeg((40, 60, 3), comment=b"hello", exif=b"Exif\0\0" + bytes(30))
    bare = without_application_data(content)
    assert b"JFIF" in content and b"Exif" in content and b"hello" in content
    assert not any(word in bare for word in (b"JFIF", b"Exif", b"hello"))
    assert read_claim(bare) == read_claim(content)
    assert bare.endswith(content[content.index(b"\xff\xda") :])


def test_a_progressive_frame_in_a_file_is_refused(file_of, opened, gray):
    content = file_of(gray[None], syntax=Syntax.JPEG)
    start = content.rindex(b"\xff\xc0")
    with pytest.raises(DicomError, match=r"^x: is not compressed as its transfer syntax says\. Export it again\.$"):
        opened(content[:start] + b"\xff\xc2" + content[start + 2 :]).scan(0)
