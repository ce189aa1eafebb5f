"""A grid on a real Ray cluster of two nodes on the loopback, one of which is killed in the middle."""

from __future__ import annotations

import contextlib
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


def environment():
    """Return the environment in which nodes and the driver run."""
    quick = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "5"}
    quick["RAY_worker_niceness"] = "0"  # by default its workers give way to everything else on the machine
    return {**os.environ, **quick, "RAY_USAGE_STATS_ENABLED": "0"}


def processes_of(session):
    """Return the processes of a node: its `ray start` began a session, in which all that it started still is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[3]) == session:
            found.append(int(path.parent.name))
    return found


def kill(session):
    """Kill every process of one node, as a power cut would."""
    while alive := [pid for pid in processes_of(session) if not zombie(pid)]:
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(seen, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


@pytest.fixture
def cluster():
    """Start a head and a worker node, with one core each; yield the address and the worker's session."""
    ray, port, sessions = Path(sys.executable).with_name("ray"), free_port(), []
    shared = ["--num-cpus=1", "--memory=4000000000", "--object-store-memory=80000000", "--disable-usage-stats"]
    # A socket's path may have hardly more than a hundred characters, and pytest's folders are deep.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        try:
            head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
            for words in (head, [f"--address=127.0.0.1:{port}"]):
                program = [str(ray), "start", "--node-ip-address=127.0.0.1", *words, *shared]
                with (Path(folder) / "said.txt").open("w+") as said:
                    node = subprocess.Popen(
                        program, env=environment(), stdout=said, stderr=said, start_new_session=True
                    )
                    sessions.append(node.pid)
                    assert node.wait(200) == 0, (Path(folder) / "said.txt").read_text()
            yield f"127.0.0.1:{port}", sessions[1]
        finally:
            for session in sessions:
                kill(session)


def in_training(out, session):
    """Return the place of the cell that a node is training, once an epoch of it is logged."""
    for pid in processes_of(session):
        if found := re.fullmatch(r"ray::(\w+), seed 1993, fold (\d)", title(pid)):
            place = out / "cells" / found[1].lower() / "seed_1993" / f"fold_{found[2]}"
            if any(RunFolder(path).rows() for path in attempts_at(place)):
                return place
    return None


def title(pid):
    """Return the command line of a process, which Ray sets to what it does."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ").decode(errors="replace")
    except OSError:
        return ""


def test_a_node_dies_the_grid_finishes_and_its_table_is_the_serial_one(tmp_path, miniature_busi, cluster):
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    address, worker = cluster

    def words(out, *options):
        where = ("--config", tmp_path / "grid.yaml", "--data", miniature_busi, "--out", tmp_path / out)
        return [sys.executable, "-m", "echoduet.cli.main", "ablate", *map(str, where), *options]

    out = tmp_path / "cluster"
    with (tmp_path / "said.txt").open("w+") as said:
        program = words("cluster", "--executor", "ray", "--address", address)
        driver = subprocess.Popen(program, env=environment(), stdout=said, stderr=said)
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
