"""Where uploads lie: bounded, without names, gone when they are closed."""

from __future__ import annotations

import resource
import signal

import pytest

from echoduet.errors import ConfigError
from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError
from echoduet.service.spool import Spool


def test_small_and_large_files_come_back_as_they_were_and_have_no_name(tmp_path):
    spool = Spool(Limits(memory_bytes=100), tmp_path)
    for content in (b"small", b"large" * 100):
        file = spool.new()
        for start in range(0, len(content), 7):
            file.write(content[start : start + 7])
        file.finish()
        file.stream.seek(0)
        assert file.stream.read() == content
        assert list(tmp_path.iterdir()) == []
        assert spool.held == len(content)
        file.close()
        file.close()
        assert spool.held == 0
        assert file.stream.closed


def test_the_whole_spool_is_bounded():
    spool = Spool(Limits(spool_bytes=10))
    first, second = spool.new(), spool.new()
    first.write(b"123456")
    with pytest.raises(RefusedError, match="Too much is being uploaded") as refused:
        second.write(b"12345")
    assert (refused.value.status, refused.value.retry_after) == (503, 10)
    first.close()
    second.write(b"12345")
    assert spool.held == 5
    second.close()


@pytest.fixture
def small_disk():
    """No file may grow beyond 1000 bytes in this process, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_whenever_it_shows(tmp_path, request):
    spool = Spool(Limits(memory_bytes=10), tmp_path)
    request.getfixturevalue("small_disk")
    at_once, later = spool.new(), spool.new()
    with pytest.raises(RefusedError, match="The disk is full") as refused:
        at_once.write(b"x" * 100_000)
    assert refused.value.status == 507
    later.write(b"x" * 20)
    later.write(b"x" * 1500)  # waits in a buffer
    with pytest.raises(RefusedError, match="The disk is full"):
        later.finish()
    at_once.close()
    later.close()
    assert spool.held == 0


def test_a_folder_that_cannot_be_written_to_is_refused_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match=r"missing: uploads cannot be kept there .*Name another folder with --spool"):
        Spool(Limits(), tmp_path / "missing")


def test_a_disk_that_fills_up_is_a_problem(tmp_path, small_disk):
    with pytest.raises(ConfigError, match=r"uploads cannot be kept there \(File too large\)"):
        Spool(Limits(), tmp_path)
