"""Removing what is done, and bringing back what has failed."""

from __future__ import annotations

import time

import pytest

from echoduet.dicom.node.cleaning import Cleaning, opened
from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.jobs import Jobs, Output, Received
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.spool import Spool
from echoduet.errors import DataError, OutputError


class Queue:
    """A queue in which jobs are made in a state."""

    def __init__(self, folder):
        self.spool = Spool.prepare(folder)
        self.ledger = Ledger.open(folder)
        self.jobs, self.deliveries = Jobs(self.ledger), Deliveries(self.ledger)
        self.cleaning = Cleaning(self.ledger, self.spool)

    def predicted(self, instance="1.2.3", destinations=("A",)):
        """Make a job that was predicted."""
        self.jobs.add(Received(instance, "digest", "x", "SCANNER", self.spool.write(b"source"), 6))
        self.jobs.end_association("x")
        job = self.jobs.claim()
        self.jobs.finish(job, [Output("sr", "1.2", f"9.{instance}", self.spool.write(b"report"))], destinations)
        return job

    def done(self, instance="1.2.3"):
        """Make a job that is done."""
        self.predicted(instance)
        self.deliveries.sent(self.deliveries.due("A")[0], "A")

    def states(self):
        """Return the states of all jobs."""
        return [row[0] for row in self.ledger.rows("SELECT state FROM jobs ORDER BY id")]

    def files(self):
        """Return how many files there are."""
        return len(list(self.spool.folder.rglob("*.dcm")))


@pytest.fixture
def queue(tmp_path):
    """An empty queue."""
    made = Queue(tmp_path / "spool")
    made.deliveries.meet(["A"])
    yield made
    made.ledger.close()


def test_files_go_when_the_job_is_done_and_the_row_stays(queue):
    queue.done()
    queue.predicted("1.2.4")
    assert queue.cleaning.files_of_done(time.time() - 60) == 0
    assert queue.files() == 4
    assert queue.cleaning.files_of_done(time.time()) == 1
    assert queue.files() == 2
    assert queue.states() == ["done", "predicted"]
    assert queue.jobs.add(Received("1.2.3", "digest", "x", "SCANNER", "again.dcm", 6))[0] == "known"


def test_rows_go_later(queue):
    queue.done()
    now = time.time()
    assert queue.cleaning.rows_of_done(now) == 0  # its files first
    queue.cleaning.files_of_done(now)
    assert queue.cleaning.rows_of_done(now - 60) == 0
    assert queue.cleaning.rows_of_done(now) == 1
    assert queue.ledger.rows("SELECT * FROM outputs UNION ALL SELECT * FROM outputs") == []


def test_stray_files_are_swept_and_others_are_not(queue):
    queue.predicted()
    queue.spool.write(b"written, and never entered")
    assert queue.cleaning.sweep() == 1
    assert queue.files() == 2


def test_failed_deliveries_are_tried_again(queue):
    queue.predicted()
    queue.deliveries.give_up(time.time() + 60)
    assert queue.states() == ["failed"]
    with pytest.raises(DataError, match="job 99: is not in the queue"):
        queue.cleaning.retry([1, 99])
    assert queue.states() == ["failed"]
    assert queue.cleaning.retry() == 1
    assert queue.states() == ["delivering"]
    assert len(queue.deliveries.due("A")) == 1
    assert queue.deliveries.give_up(time.time() - 60) == 0  # its time begins anew


def test_failed_predictions_are_tried_again(queue):
    queue.jobs.add(Received("1.2.3", "digest", "x", "SCANNER", queue.spool.write(b"source"), 6))
    queue.jobs.end_association("x")
    queue.jobs.fail(queue.jobs.claim(), "damaged")
    assert queue.cleaning.retry([1]) == 1
    assert queue.jobs.claim().attempts == 1


def test_waiting_deliveries_are_tried_at_once(queue):
    queue.predicted()
    queue.deliveries.unreachable("A", "no connection", time.time() + 60)
    assert queue.deliveries.due("A") == []
    assert queue.cleaning.retry() == 0
    assert len(queue.deliveries.due("A")) == 1


def test_only_what_failed_can_be_discarded(queue):
    queue.predicted()
    with pytest.raises(DataError, match="job 1: has not failed"):
        queue.cleaning.discard([1])
    queue.deliveries.give_up(time.time() + 60)
    with pytest.raises(DataError, match="job 2: has not failed"):
        queue.cleaning.discard([1, 2])
    assert queue.states() == ["failed"]
    assert queue.cleaning.discard([1]) == 1
    assert (queue.states(), queue.files()) == ([], 0)


def test_what_waits_can_be_moved(queue):
    queue.predicted("1.2.3")
    queue.predicted("1.2.4", destinations=("A", "B"))
    assert queue.cleaning.move("A", "B") == 1
    assert (len(queue.deliveries.due("A")), len(queue.deliveries.due("B"))) == (0, 2)


def test_a_job_that_waits_for_nothing_more_after_a_move_is_done(queue):
    queue.predicted(destinations=("A", "B"))
    queue.deliveries.sent(queue.deliveries.due("A")[0], "A")
    queue.deliveries.meet(["B"])
    assert queue.states() == ["predicted"]
    assert queue.cleaning.move("B", "A") == 0
    assert queue.states() == ["done"]


def test_nothing_is_moved_from_a_destination_that_was_never_named(queue):
    with pytest.raises(DataError, match="PACS: is no destination of this queue"):
        queue.cleaning.move("PACS", "NEW")
    assert [row["name"] for row in queue.ledger.rows("SELECT name FROM destinations")] == ["A"]


def test_it_is_opened_where_a_queue_is(queue, tmp_path):
    with opened(queue.spool.folder) as cleaning:
        assert cleaning.retry() == 0
    with pytest.raises(OutputError, match="holds no queue"), opened(tmp_path):
        pass
