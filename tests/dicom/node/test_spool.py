"""The spool: files appear whole, and only their owner can read them."""

from __future__ import annotations

import hashlib
import stat

import pytest

from echoduet.dicom.node.spool import Spool, default_spool
from echoduet.errors import OutputError


@pytest.fixture
def spool(tmp_path):
    """An empty spool."""
    return Spool.prepare(tmp_path / "spool")


def mode(path):
    """Return the permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_may_look_into_it(spool):
    path = spool.path(spool.write(b"content"))
    assert path.read_bytes() == b"content"
    assert mode(path) == 0o600
    assert {mode(place) for place in (spool.folder, path.parent)} == {0o700}


def test_a_looser_folder_is_closed(tmp_path):
    tmp_path.chmod(0o755)
    Spool.prepare(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_file_is_there_when_kept_and_gone_when_not(spool):
    kept, dropped = spool.begin(), spool.begin()
    for writing in (kept, dropped):
        writing.write(b"head")
        writing.restart_digest()
        writing.write(b"body")
    name = kept.keep()
    for writing in (kept, dropped):
        writing.close()
    assert spool.path(name).read_bytes() == b"headbody"
    assert kept.digest == hashlib.sha256(b"body").hexdigest()
    assert kept.size == 8
    assert [path.name for path in spool.folder.rglob("*.dcm")] == [name]


def test_names_tell_nothing(spool):
    first, second = spool.write(b"same"), spool.write(b"same")
    assert first != second
    assert len(first) == len(second) == 36


def test_what_was_never_finished_is_cleared(spool):
    left = spool.begin()
    left.write(b"half")
    spool.clear()
    assert not left.path.exists()
    left.close()


def test_what_nobody_names_is_swept(spool):
    named, stray = spool.write(b"1"), spool.write(b"2")
    assert spool.sweep({named}) == 1
    assert spool.path(named).exists()
    assert not spool.path(stray).exists()
    spool.remove([stray])


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(OutputError, match="holds other files"):
        Spool.prepare(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_start_that_was_cut_short_can_be_repeated(spool):
    (spool.folder / "lock").touch()
    Spool.prepare(spool.folder)


def test_a_place_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used"):
        Spool.prepare(tmp_path / "file" / "spool")


def test_a_full_disk_is_an_error_and_leaves_nothing(spool, limit_file_size):
    with limit_file_size(1000), pytest.raises(OSError, match="large"):
        spool.write(b"x" * 100_000)
    assert list(spool.folder.rglob("*.dcm")) == []


def test_where_it_lies_unless_told(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_SPOOL", str(tmp_path / "a"))
    assert default_spool() == tmp_path / "a"
    monkeypatch.delenv("ECHODUET_SPOOL")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_spool() == tmp_path / "echoduet" / "node"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_spool() == tmp_path / ".local" / "state" / "echoduet" / "node"
