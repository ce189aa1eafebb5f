"""A grid by the real command line: engines that agree to the bit, cells and drivers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from echoduet import lock
from echoduet.experiments.grid.reported import read_arms
from echoduet.runs import RunFolder

EPOCHS = 4
GRID = f"""
name: tiny
base: fast
set: {{preprocess.size: 32, model.pretrained: false, optim.epochs: {EPOCHS}, optim.batch_size: 4, split.folds: 2,
  split.train_share: 0.5, runtime.threads: 1, runtime.deterministic: true}}
at_sizes: [32, native]
settings:
  Seg: {{set: {{model.tasks: segmentation}}}}
  MT: {{}}
rows:
  Seg: {{from: Seg}}
  Seg+MT+PR: {{segmentation: Seg, classification: MT, refined: true}}
  MT+PR: {{from: MT, refined: true}}
"""

HEARING_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # job control may have taught our children to ignore it
from echoduet.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are looked up in /proc"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the tiny grid and the miniature BUSI."""
    from echoduet.data.sources import busi

    root = tmp_path_factory.mktemp("ablation")
    busi.write_miniature(root / "Dataset_BUSI_with_GT", seed=7)
    (root / "grid.yaml").write_text(GRID, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def words(place):
    """Return the command's words for a folder of results."""

    def of(out, *options):
        where = ("--config", place / "grid.yaml", "--data", place / "Dataset_BUSI_with_GT", "--out", place / out)
        return [str(word) for word in ("ablate", *where, *options)]

    return of


@pytest.fixture(scope="module")
def serial(place, words, cli):
    """The grid, run by the serial engine."""
    done = cli(*words("serial"))
    assert done.returncode == 0, done.stderr
    return place / "serial"


@pytest.fixture
def begun(place, words):
    """Start the command in the background; whatever is left of it is killed."""
    started = []

    def start(out, *options):
        program = [sys.executable, "-c", HEARING_CTRL_C, *words(out, *options)]
        with (place / f"{out}.txt").open("wb") as said:
            process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(seen, seconds=200):
    """Wait until `seen()` holds something; return it."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def children(process):
    """Return the ids of the processes that `process` has started."""
    listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else []


def in_training(cell):
    """Return the private folders of attempts at `cell` that have logged an epoch."""
    return [path for path in cell.parent.glob(f".{cell.name}-*") if RunFolder(path).rows()]


def rows_of(out):
    return [(out / name).read_bytes() for name in ("rows.csv", "rows_native.csv")]


def test_processes_give_the_serial_table_to_the_bit(place, words, cli, serial):
    done = cli(*words("processes", "--executor", "processes", "--cores", "2"))
    assert done.returncode == 0, done.stderr
    assert rows_of(place / "processes") == rows_of(serial)
    assert read_arms(place / "processes") == read_arms(serial)
    assert [arm.name for arm in read_arms(serial)] == ["Seg", "Seg+MT+PR", "MT+PR"]


def test_a_killed_cell_is_listed_an_interrupted_grid_goes_on_and_nothing_differs(place, words, cli, serial, begun):
    out = place / "killed"
    first, second = (out / "cells" / "seg" / "seed_1993" / f"fold_{fold}" for fold in (0, 1))
    process = begun("killed", "--executor", "processes", "--cores", "1")
    until(lambda: in_training(first))
    (worker,) = children(process)
    os.kill(worker, signal.SIGKILL)
    until(lambda: in_training(second))
    (worker,) = children(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    until(lambda: not Path(f"/proc/{worker}").exists(), 20)
    said = (place / "killed.txt").read_text()
    assert "warning: Seg, seed 1993, fold 0: Its process was killed by SIGKILL." in said
    assert "error: interrupted;" in said
    assert "Traceback" not in said
    assert not first.exists()
    assert first.with_name("fold_0.failure.json").exists()

    done = cli(*words("killed", "--executor", "processes", "--cores", "2"))
    assert done.returncode == 0, done.stderr
    assert "4 of 4 cells finished, 4 of them now" in done.stdout
    assert rows_of(out) == rows_of(serial)
    assert [row["epoch"] for row in RunFolder(first).rows()] == list(range(1, EPOCHS + 1))
    assert not first.with_name("fold_0.failure.json").exists()
    assert list(out.rglob(".fold_*")) == []


def test_a_killed_driver_takes_its_workers_along(place, begun):
    out = place / "orphans"
    process = begun("orphans", "--executor", "processes", "--cores", "2")
    workers = until(lambda: pids if len(pids := children(process)) == 2 else [])
    process.kill()
    process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 60)
    lock.hold(out).close()
