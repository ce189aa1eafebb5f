"""A data set goes to the disk as it comes, and what goes wrong is kept until the sender can be told."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from echoduet.data.dicom.header import read_header
from echoduet.data.dicom.source import open_dicom
from echoduet.dicom.node.draft import Draft, Trouble
from echoduet.dicom.node.settings import Limits
from echoduet.dicom.node.spool import Spool

ROOMY = Limits(free=0)


@pytest.fixture
def spool(tmp_path):
    """An empty spool."""
    return Spool.prepare(tmp_path / "spool")


def body(path: Path) -> bytes:
    """Return a file without its preamble and file meta: what is sent of it."""
    meta = dcmread(path, stop_before_pixels=True).file_meta
    return path.read_bytes()[132 + 12 + meta.FileMetaInformationGroupLength :]


def test_what_is_kept_can_be_read_by_itself(spool, phantoms):
    path = phantoms(frames=2)
    content = body(path)
    draft = Draft(spool, ROOMY, ExplicitVRLittleEndian)
    for start in range(0, len(content), 1000):
        assert draft.write(content[start : start + 1000]) == len(content[start : start + 1000])
    assert draft.trouble is None
    assert draft.writing.digest == hashlib.sha256(content).hexdigest()
    kept = spool.path(draft.writing.keep())
    draft.close()
    ours, theirs = open_dicom(kept), open_dicom(path)
    assert ours.frame_count == theirs.frame_count == 2
    assert (ours.scan(1).image == theirs.scan(1).image).all()
    assert read_header(kept, "x").syntax == ExplicitVRLittleEndian
    assert dcmread(kept).SOPInstanceUID == dcmread(path).SOPInstanceUID


def test_too_large_an_instance_is_not_kept_in_memory_or_on_disk(spool):
    draft = Draft(spool, replace(ROOMY, instance=10_000), ExplicitVRLittleEndian)
    for _ in range(100):
        assert draft.write(b"x" * 1000) == 1000
    assert draft.trouble is Trouble.TOO_LARGE
    assert draft.writing.size < 11_000
    assert draft.getvalue() == b""
    draft.close()
    assert list(spool.folder.rglob("*.dcm")) == []


def test_the_limit_itself_is_allowed(spool):
    draft = Draft(spool, replace(ROOMY, instance=1000), ExplicitVRLittleEndian)
    draft.write(b"x" * 1000)
    assert draft.trouble is None
    draft.write(b"x")
    assert draft.trouble is Trouble.TOO_LARGE
    draft.close()


def test_a_disk_with_too_little_room_takes_nothing(spool):
    draft = Draft(spool, Limits(free=1 << 60), ExplicitVRLittleEndian)
    assert draft.trouble is Trouble.NO_ROOM
    draft.close()


def test_a_disk_that_fills_meanwhile_is_noticed(spool, monkeypatch):
    draft = Draft(spool, Limits(free=100), ExplicitVRLittleEndian)
    monkeypatch.setattr(Spool, "free", 50)
    for _ in range(6):
        draft.write(b"x" * (1 << 20))
    assert draft.trouble is Trouble.NO_ROOM
    draft.close()


def test_a_write_that_fails_is_kept_in_mind(spool, limit_file_size):
    draft = Draft(spool, ROOMY, ExplicitVRLittleEndian)
    with limit_file_size(10_000):
        for _ in range(100):
            draft.write(b"x" * 10_000)
        draft.close()
    assert draft.trouble is Trouble.NO_ROOM
    assert list(spool.folder.rglob("*.dcm")) == []
