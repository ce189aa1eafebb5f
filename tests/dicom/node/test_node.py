"""The node as a whole: what was acknowledged arrives, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread

from echoduet.dicom.node.jobs import INTERRUPTED, Jobs, Received
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.overview import look
from echoduet.dicom.node.settings import Timeouts
from echoduet.dicom.node.spool import Spool
from echoduet.errors import ConfigError, OutputError


@contextmanager
def process(spool: Path, bundle: Path, *options: str):
    """Run `echoduet node` in a process of its own; yield it and its port."""
    words = ["node", "--json", "--spool", spool, "--model", bundle, "--port", "0", "--min-free", "0", *options]
    command = [sys.executable, "-m", "echoduet.cli.main", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            told = ""
            while not told.endswith("}\n"):
                line = running.stdout.readline()
                assert line, running.stderr.read()
                told += line
            yield running, json.loads(told)["port"]
        finally:
            if running.poll() is None:
                running.kill()


def store(program, port: int, *files: Path) -> None:
    """Send files as a scanner would; all must be acknowledged."""
    words = [program("storescu"), "-aec", "ECHODUET", "127.0.0.1", str(port), *map(str, files)]
    subprocess.run(words, check=True, capture_output=True)


def test_a_node_that_was_killed_delivers_after_its_next_start(
    tmp_path, bundle, silent_archive, phantoms, program, until
):
    spool, sources = tmp_path / "spool", [phantoms(seed=60 + n) for n in range(3)]
    to = ("--send-to", silent_archive.destination.name, "--longest-pause", "1")
    with process(spool, bundle, *to) as (running, port):
        store(program, port, *sources)
        running.kill()  # before, while or after they are predicted: all of it must do
        running.wait()
    states = {state for state, count in look(spool).jobs.items() if count}
    assert states <= {"received", "predicting", "predicted", "delivering"}
    assert sum(look(spool).jobs.values()) == 3
    assert not look(spool).running
    silent_archive.start()
    with process(spool, bundle, *to) as (running, port):
        assert look(spool).running
        store(program, port, sources[0])  # again: known, and not predicted twice
        until(lambda: look(spool).jobs["done"] == 3, 60)
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=30)
    assert running.returncode == 0
    reports = [dataset for dataset in silent_archive.received() if dataset.Modality == "SR"]
    assert len(reports) == 3
    for path in sources:
        assert sum(dcmread(path).SOPInstanceUID in str(report) for report in reports) == 1
    events = [json.loads(line) for line in log.splitlines()]  # nothing else is written there
    assert events[-1]["event"] == "stopped"
    assert "hantom" not in log and str(tmp_path) not in log


@pytest.fixture
def left_behind(tmp_path, phantoms, answering):
    """Make a spool as a process leaves it that is killed while it predicts for the so-manieth time."""

    def make(attempts):
        spool = Spool.prepare(tmp_path / "spool")
        ledger = Ledger.open(spool.folder)
        jobs = Jobs(ledger, answering[1].key)
        path = phantoms(seed=70)
        file = spool.write(path.read_bytes())
        jobs.add(Received(str(dcmread(path).SOPInstanceUID), "digest", "x", "SCANNER", file, 1))
        for _ in range(attempts):
            jobs.recover(attempts + 1)
            jobs.claim()
        spool.write(b"an output that was never entered")
        (spool.folder / "incoming" / "half.dcm").write_bytes(b"an instance that was never whole")
        ledger.close()
        return spool

    return make


def test_a_crash_while_predicting_is_recovered_from(left_behind, start_node, archive, until):
    spool = left_behind(attempts=2)
    node = start_node(archive.destination)
    until(lambda: node.states() == {"done": 1})
    assert "SR" in archive.modalities()
    until(lambda: not list(spool.folder.rglob("*.dcm")))
    assert node.told("swept")[0]["files"] == 1


def test_what_ends_the_process_each_time_is_not_tried_for_ever(left_behind, start_node, archive):
    left_behind(attempts=3)
    node = start_node(archive.destination)
    assert node.states() == {"failed": 1}
    [job] = look(node.settings.spool).open
    assert (job.attempts, job.error) == (3, INTERRUPTED)


class Slow:
    """A predictor that takes its time, and tells when it has begun."""

    def __init__(self, predictor, seconds):
        self.predictor, self.seconds, self.begun = predictor, seconds, threading.Event()

    def analyse(self, scans):
        for scan in scans:
            self.begun.set()
            time.sleep(self.seconds)
            yield from self.predictor.analyse([scan])


def test_a_stop_lets_the_work_at_hand_end(start_node, archive, answering, phantoms):
    slow = Slow(answering[0], 0.5)
    node = start_node(archive.destination, predictor=slow)
    node.send(phantoms(seed=71), phantoms(seed=72))
    assert slow.begun.wait(10)
    node.node.close()
    assert sum(node.states().values()) == 2
    assert node.states()["received"] == 1
    assert node.events[-1]["event"] == "stopped"


def test_a_stop_does_not_wait_for_ever(start_node, archive, answering, phantoms):
    slow = Slow(answering[0], 0.4)
    node = start_node(archive.destination, predictor=slow, timeouts=Timeouts(stop=0.1))
    node.send(phantoms(seed=73, frames=12))
    assert slow.begun.wait(10)
    begun = time.monotonic()
    node.node.close()
    assert time.monotonic() - begun < 3
    assert node.states() == {"received": 1}
    assert look(node.settings.spool).open[0].attempts == 0


def test_nothing_new_is_taken_while_it_stops(start_node, archive):
    node = start_node(archive.destination)
    node.node.close()
    assert "Association Request Failed" in node.send(tool="echoscu") or "refused" in node.send(tool="echoscu")


def test_two_nodes_do_not_share_a_spool(start_node, archive, monkeypatch):
    start_node(archive.destination)
    monkeypatch.setattr("echoduet.dicom.node.node._LOCK_PATIENCE_S", 0.1)
    with pytest.raises(OutputError, match="another run is using it"):
        start_node(archive.destination)


def test_settings_that_do_not_fit_make_no_spool(start_node, tmp_path):
    with pytest.raises(ConfigError, match="no destination"):
        start_node()
    assert not (tmp_path / "spool").exists()


def test_what_waits_for_an_archive_that_is_no_longer_named_is_told(
    start_node, archive, silent_archive, phantoms, until
):
    node = start_node(silent_archive.destination)
    node.send(phantoms(seed=74))
    until(lambda: node.told("destination_unreachable"))
    node.node.close()
    again = start_node(archive.destination)
    [told] = again.told("destination_not_named")
    assert told["destination"] == silent_archive.destination.name
    assert told["pending"] >= 1


@pytest.mark.skipif(os.name != "posix", reason="file permissions are those of POSIX")
def test_nobody_else_can_read_any_of_it(start_node, silent_archive, phantoms, until):
    node = start_node(silent_archive.destination)
    node.send(phantoms(seed=75))
    until(lambda: node.told("predicted"))
    found = [node.settings.spool, *node.settings.spool.rglob("*")]
    loose = [path.name for path in found if path.stat().st_mode & 0o077 and path.name != "lock"]
    assert loose == []
    assert not any("hantom" in path.name or "PHANTOM" in path.name for path in found)


def test_a_damaged_queue_keeps_a_node_from_starting_and_is_told(start_node, silent_archive, tmp_path):
    queue = tmp_path / "spool" / "queue.sqlite"
    Spool.prepare(queue.parent)
    Ledger.open(queue.parent).close()
    content = queue.read_bytes()
    queue.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))
    with pytest.raises(OutputError, match=r"queue\.sqlite: cannot be used \(database disk image is malformed\)"):
        start_node(silent_archive.destination)
