"""A grid on a real Ray cluster of two nodes on the loopback, one of which is killed in the middle."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from echoduet.experiments.grid.jobs import attempts_at
from echoduet.experiments.grid.reported import read_arms
from echoduet.runs import RunFolder

pytest.importorskip("ray")

EPOCHS = 12
GRID = f"""
name: tiny
base: fast
set: {{preprocess.size: 32, model.pretrained: false, optim.epochs: {EPOCHS}, optim.batch_size: 4, split.folds: 2,
  split.train_share: 0.5, runtime.threads: 1, runtime.deterministic: true, runtime.device: cpu}}
at_sizes: [32, native]
settings:
  Seg: {{set: {{model.tasks: segmentation}}}}
  MT: {{}}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # a cluster and a dozen processes are started, on a machine that may be busy
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(cluster):
    """Return the environment in which a node or the driver runs; `cluster` marks it, so that it can be found again."""
    quick = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "5"}
    quick["RAY_worker_niceness"] = "0"  # by default its workers give way to everything else on the machine
    return {**os.environ, **quick, "RAY_USAGE_STATS_ENABLED": "0", "ECHODUET_TEST_NODE": cluster}


def marked(mark):
    """Return the processes that were started with `mark` in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"ECHODUET_TEST_NODE={mark}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return found


def kill(mark):
    """Kill every process of one node, as a power cut would."""
    for pid in marked(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def until(seen, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


@pytest.fixture
def cluster():
    """Start a head and a worker node, with one core each; yield the address and the marks of both."""
    ray = Path(sys.executable).with_name("ray")
    port, mark = free_port(), f"{os.getpid()}-{time.time_ns()}"
    head, worker = f"head-{mark}", f"worker-{mark}"
    # A socket's path may have hardly more than a hundred characters, and pytest's folders are deep.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        shared = ["--num-cpus=1", "--memory=4000000000", "--object-store-memory=80000000", "--disable-usage-stats"]
        first = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
        try:
            for name, words in ((head, first), (worker, [f"--address=127.0.0.1:{port}"])):
                program = [str(ray), "start", "--node-ip-address=127.0.0.1", *words, *shared]
                done = subprocess.run(
                    program, env=environment(name), capture_output=True, text=True, check=False, timeout=200
                )
                assert done.returncode == 0, done.stdout + done.stderr
            yield f"127.0.0.1:{port}", worker
        finally:
            for name in (worker, head):
                kill(name)


def in_training(out, mark):
    """Return the cell that the node of `mark` is training, once an epoch of it is logged: `seg`, fold 0, as a path."""
    for pid in marked(mark):
        title = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        if found := re.fullmatch(r"ray::(\w+), seed 1993, fold (\d)", title):
            place = out / "cells" / found[1].lower() / "seed_1993" / f"fold_{found[2]}"
            if any(RunFolder(path).rows() for path in attempts_at(place)):
                return place
    return None


def test_a_node_dies_the_grid_finishes_and_its_table_is_the_serial_one(tmp_path, miniature_busi, cluster):
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    address, worker = cluster

    def words(out, *options):
        where = ("--config", tmp_path / "grid.yaml", "--data", miniature_busi, "--out", tmp_path / out)
        return [sys.executable, "-m", "echoduet.cli.main", "ablate", *map(str, where), *options]

    out = tmp_path / "cluster"
    with (tmp_path / "said.txt").open("w+") as said:
        program = words("cluster", "--executor", "ray", "--address", address)
        driver = subprocess.Popen(program, env=environment("driver"), stdout=said, stderr=said)
        try:
            cell = until(lambda: in_training(out, worker) or driver.poll() is not None)
            assert driver.poll() is None, (tmp_path / "said.txt").read_text()
            kill(worker)
            assert not cell.exists()
            assert driver.wait(300) == 0, (tmp_path / "said.txt").read_text()
        finally:
            driver.kill()
            driver.wait()
    told = (tmp_path / "said.txt").read_text()
    assert "4 of 4 cells finished, 4 of them now" in told
    assert "Traceback" not in told
    assert "Warning" not in told

    serial = subprocess.run(words("serial"), capture_output=True, text=True, check=False, timeout=300)
    assert serial.returncode == 0, serial.stderr
    for name in ("rows.csv", "rows_native.csv"):
        assert (out / name).read_bytes() == (tmp_path / "serial" / name).read_bytes()
    assert read_arms(out) == read_arms(tmp_path / "serial")
    assert cell.is_dir()
    for log in out.glob("cells/*/*/fold_?/metrics.jsonl"):
        assert [row["epoch"] for row in RunFolder(log.parent).rows()] == list(range(1, EPOCHS + 1))
