"""The worker: what it makes of an instance, and what it does when that goes wrong."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from echoduet.dicom.node.jobs import Jobs, Received
from echoduet.dicom.node.journal import Journal
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.settings import Patience, Settings
from echoduet.dicom.node.spool import Spool
from echoduet.dicom.node.worker import Worker
from echoduet.errors import ModelError


class Bench:
    """A worker with a queue, which works when it is told to."""

    def __init__(self, folder, answering, **changed):
        self.spool, self.log = Spool.prepare(folder), io.StringIO()
        self.ledger = Ledger.open(folder)
        self.jobs = Jobs(self.ledger)
        self.answering, self.woken = answering, 0
        settings = Settings(folder, (Destination("PACS", "127.0.0.1", 104),), patience=Patience(attempts=2))
        self.settings = replace(settings, **changed)
        self.worker = self.employ(answering[0])

    def employ(self, predictor):
        """Return a worker with a predictor."""
        known = (self.answering[1], self.jobs, self.spool, self.settings, Journal(self.log), self.wake)
        return Worker(predictor, *known)

    def wake(self):
        self.woken += 1

    def bring(self, path: Path, instance="1.2.3"):
        """Enter a file."""
        file = self.spool.write(path.read_bytes())
        self.jobs.add(Received(instance, "digest", "x", "SCANNER", file, 1))
        self.jobs.end_association("x")
        return file

    def job(self):
        """Return state, attempts and error of the only job."""
        return tuple(self.ledger.rows("SELECT state, attempts, error FROM jobs")[0])

    def outputs(self):
        """Return what was made, as read from the spool."""
        rows = self.ledger.rows("SELECT kind, file FROM outputs ORDER BY id")
        return [(row["kind"], dcmread(self.spool.path(row["file"]))) for row in rows]

    def files(self):
        """Return how many files there are."""
        return len(list(self.spool.folder.rglob("*.dcm")))


@pytest.fixture
def bench(tmp_path, answering):
    """A worker that is told when to work."""
    made = Bench(tmp_path / "spool", answering)
    yield made
    made.ledger.close()


class Failing:
    """A predictor that fails."""

    def __init__(self, error):
        self.error = error

    def analyse(self, scans):
        yield from ()
        for _ in scans:
            raise self.error


def test_segmentations_and_a_report_refer_to_the_source(bench, phantoms):
    path = phantoms(frames=2, seed=4)
    bench.bring(path)
    assert bench.worker.step()
    assert bench.job()[0] == "predicted"
    assert bench.woken == 1
    made = bench.outputs()
    kinds = [kind for kind, _ in made]
    assert kinds.count("sr") == 1
    assert kinds[-1] == "sr"
    source = dcmread(path)
    for _, dataset in made:
        assert dataset.StudyInstanceUID == source.StudyInstanceUID
    report = made[-1][1]
    referred = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert source.SOPInstanceUID in {
        sop.ReferencedSOPInstanceUID for item in referred for sop in item.ReferencedSOPSequence
    }
    event = json.loads(bench.log.getvalue())
    assert (event["event"], event["frames"], event["outputs"]) == ("predicted", 2, len(made))


def test_the_same_answer_has_the_same_uids(bench, phantoms):
    bench.bring(phantoms(seed=5))
    bench.worker.step()
    first = [dataset.SOPInstanceUID for _, dataset in bench.outputs()]
    with bench.ledger.transaction() as sql:
        sql.execute("DELETE FROM jobs")
    bench.bring(phantoms(seed=5))
    bench.worker.step()
    assert [dataset.SOPInstanceUID for _, dataset in bench.outputs()] == first


def test_there_may_be_nothing_to_do(bench):
    assert not bench.worker.step()


def test_a_damaged_instance_has_failed_at_once(bench, phantoms, tmp_path):
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(phantoms(frames=2).read_bytes()[:-3000])
    bench.bring(cut)
    assert bench.worker.step()
    state, attempts, error = bench.job()
    assert (state, attempts) == ("failed", 1)
    assert "1 whole frames of the 2" in error
    assert bench.files() == 1


def test_a_file_that_is_gone_has_failed_at_once(bench, phantoms):
    bench.spool.remove([bench.bring(phantoms())])
    bench.worker.step()
    assert bench.job() == ("failed", 1, "its file in the spool is gone")


def test_an_error_that_nobody_foresaw_is_tried_again_and_then_no_more(bench, phantoms):
    worker = bench.employ(Failing(ZeroDivisionError("Zyxwv^Qwertz")))
    bench.bring(phantoms())
    worker.step()
    assert bench.job() == ("received", 1, "unexpected ZeroDivisionError")
    worker.step()
    assert bench.job() == ("failed", 2, "unexpected ZeroDivisionError")
    assert not worker.step()
    assert "Zyxwv" not in bench.log.getvalue()


def test_an_error_of_ours_is_not_tried_again(bench, phantoms):
    bench.bring(phantoms())
    bench.employ(Failing(ModelError("no numbers"))).step()
    assert bench.job() == ("failed", 1, "no numbers")


def test_a_full_disk_is_no_fault_of_the_job(bench, phantoms, monkeypatch):
    bench.bring(phantoms())
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(28, "No space left on device")

        patch.setattr(Spool, "write", full)
        with pytest.raises(OSError, match="No space"):
            bench.worker.step()
    assert bench.worker.step()
    assert bench.job() == ("predicted", 1, None)


def test_an_abandoned_job_is_as_if_never_begun(bench, phantoms):
    bench.bring(phantoms(frames=2))
    bench.worker.abandon()
    bench.worker.step()
    assert bench.job() == ("received", 0, None)
    assert bench.files() == 1
    assert bench.worker.stopping
