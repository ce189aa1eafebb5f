"""The process of one cell ends with the one that started it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from echoduet.experiments.grid.failure import failure_file
from echoduet.experiments.grid.worker import FAILED, ORPHANED


def worker():
    return subprocess.Popen([sys.executable, "-m", "echoduet.experiments.grid.worker"], stdin=subprocess.PIPE)


def test_a_cell_that_fails_is_its_exit_code(make_ablation):
    job = replace(make_ablation().jobs[0], version="9.9")
    with worker() as process:
        process.stdin.write(job.to_json().encode() + b"\n")
        process.stdin.flush()
        assert process.wait(120) == FAILED
    assert "9.9" in failure_file(job).read_text()


@pytest.mark.parametrize("line", [b"\n", b""])
def test_a_worker_whose_parent_is_gone_ends(line):
    with worker() as process:
        process.stdin.write(line)
        process.stdin.close()
        # It ends by itself, or over the job that never came: whichever of its threads is first.
        assert process.wait(120) in {ORPHANED, FAILED}
