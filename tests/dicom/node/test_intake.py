"""Nothing is acknowledged that is not on the disk and in the queue."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from echoduet.dicom.node.draft import Draft
from echoduet.dicom.node.inspection import Status
from echoduet.dicom.node.intake import Intake, Request
from echoduet.dicom.node.jobs import Jobs
from echoduet.dicom.node.journal import Journal
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.settings import Limits
from echoduet.dicom.node.spool import Spool

ROOMY = Limits(free=0)


class Bench:
    """An intake with what belongs to it."""

    def __init__(self, folder: Path) -> None:
        self.log = io.StringIO()
        self.spool = Spool.prepare(folder)
        self.ledger = Ledger.open(folder)
        self.jobs = Jobs(self.ledger)
        self.intake = Intake(self.spool, self.jobs, Journal(self.log))

    def take(self, path: Path, limits: Limits = ROOMY):
        """Take a file in."""
        dataset = dcmread(path)
        draft = Draft(self.spool, limits, ExplicitVRLittleEndian)
        draft.write(path.read_bytes()[132 + 12 + dataset.file_meta.FileMetaInformationGroupLength :])
        try:
            return self.intake.take(draft, Request(dataset.SOPClassUID, dataset.SOPInstanceUID, "assoc", "SCANNER"))
        finally:
            draft.close()

    def files(self) -> int:
        """Return how many files there are."""
        return len(list(self.spool.folder.rglob("*.dcm")))

    def events(self) -> list[dict]:
        """Return what was told."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def bench(tmp_path):
    """An intake of an empty queue."""
    made = Bench(tmp_path / "spool")
    yield made
    made.ledger.close()


def test_what_is_acknowledged_is_in_the_spool_and_in_the_queue(bench, phantoms):
    assert bench.take(phantoms()) == (Status.SUCCESS, "")
    [row] = bench.ledger.rows("SELECT * FROM jobs")
    assert bench.spool.path(row["file"]).stat().st_size == row["bytes"]
    assert row["instance"] == dcmread(phantoms()).SOPInstanceUID


def test_the_same_again_is_acknowledged_and_not_kept_twice(bench, phantoms):
    bench.take(phantoms())
    assert bench.take(phantoms())[0] is Status.SUCCESS
    assert bench.files() == len(bench.ledger.rows("SELECT * FROM jobs")) == 1
    assert [event["receipt"] for event in bench.events()] == ["new", "known"]


def test_what_is_not_taken_leaves_nothing(bench, phantoms):
    status, reason = bench.take(phantoms(), Limits(free=0, instance=100))
    assert (status, reason) == (Status.OUT_OF_RESOURCES, "instance larger than is taken")
    assert (bench.files(), bench.ledger.rows("SELECT * FROM jobs")) == (0, [])
    [event] = bench.events()
    assert (event["event"], event["level"], event["status"]) == ("refused", "warning", "0xA700")


def test_a_queue_that_cannot_be_written_acknowledges_nothing(bench, phantoms):
    bench.ledger.close()
    assert bench.take(phantoms()) == (Status.OUT_OF_RESOURCES, "the queue cannot be written")


def test_a_disk_that_fills_at_the_last_moment_acknowledges_nothing(bench, phantoms, monkeypatch):
    path = phantoms()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert bench.take(path)[0] is Status.OUT_OF_RESOURCES
    assert (bench.files(), bench.ledger.rows("SELECT * FROM jobs")) == (0, [])


def test_the_log_holds_neither_uid_nor_patient(bench, phantoms):
    bench.take(phantoms())
    text = bench.log.getvalue()
    assert "SCANNER" in text
    assert dcmread(phantoms()).SOPInstanceUID not in text
    assert "phantom" not in text.lower()
