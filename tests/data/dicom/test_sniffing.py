"""What claims to be DICOM, by its first bytes."""

from __future__ import annotations

import pytest

from echoduet.data.dicom.objects import Syntax
from echoduet.data.dicom.sniffing import HEAD_BYTES, looks_like_dicom


@pytest.mark.parametrize("syntax", Syntax)
def test_with_and_without_its_mark(file_of, gray, syntax):
    content = file_of(gray[None], syntax=syntax)
    assert looks_like_dicom(content[:HEAD_BYTES])
    assert looks_like_dicom(content[HEAD_BYTES : 2 * HEAD_BYTES])
    assert not looks_like_dicom(content[: HEAD_BYTES - 1])


@pytest.mark.parametrize("syntax", [Syntax.IMPLICIT, Syntax.EXPLICIT, Syntax.BIG_ENDIAN])
def test_a_bare_dataset(file_of, gray, syntax):
    content = file_of(gray[None], syntax=syntax)
    start = content.index(b"\x00\x08\x00\x05" if syntax is Syntax.BIG_ENDIAN else b"\x08\x00\x05\x00")
    assert looks_like_dicom(content[start : start + HEAD_BYTES])


NONE = [b"", b"\x08\x00", b"\x89PNG\r\n\x1a\n" + bytes(124), b"\xff\xd8\xff\xe0" * 33, bytes(132), b"II\x2a\x00" * 33]


@pytest.mark.parametrize("head", NONE)
def test_what_is_none(head):
    assert not looks_like_dicom(head)
