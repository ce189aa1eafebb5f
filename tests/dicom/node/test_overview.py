"""What an operator sees of the queue."""

from __future__ import annotations

import json
import time

import pytest

from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.jobs import Jobs, Output, Received
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.overview import look
from echoduet.dicom.node.spool import Spool
from echoduet.errors import OutputError
from echoduet.lock import hold


@pytest.fixture
def ledger(tmp_path):
    """A queue with a job received, one that failed, one that is being delivered and one that is done."""
    Spool.prepare(tmp_path / "spool")
    made = Ledger.open(tmp_path / "spool")
    jobs, deliveries = Jobs(made), Deliveries(made)
    deliveries.meet(["A", "B"])
    for number in (1, 2, 3):
        jobs.add(Received(f"1.{number}", "digest", "x", "SCANNER", f"{number}.dcm", 1))
    jobs.end_association("x")
    jobs.fail(jobs.claim(), "damaged")
    for _ in (2, 3):
        jobs.finish(jobs.claim(), [Output("sr", "1", "9", "r.dcm")], ["A"])
    jobs.add(Received("1.4", "digest", "y", "SCANNER", "4.dcm", 1))
    delivering, done = deliveries.due("A")
    deliveries.begin([delivering])
    deliveries.refused(delivering, "A", "status 0xA700", time.time() + 60)
    deliveries.sent(done, "A")
    yield made
    made.close()


def test_everything_is_counted(ledger, tmp_path):
    shown = look(tmp_path / "spool")
    assert {state: count for state, count in shown.jobs.items() if count} == {
        "received": 1,
        "delivering": 1,
        "done": 1,
        "failed": 1,
    }
    assert 0 <= shown.oldest_s < 60
    a, b = shown.destinations
    assert (a.destination, a.pending, a.sent, a.failed, a.error) == ("A", 1, 1, 0, "status 0xA700")
    assert a.next_attempt.endswith("Z") and a.reached.endswith("Z")
    assert (b.destination, b.pending, b.sent, b.next_attempt, b.reached) == ("B", 0, 0, None, None)
    assert json.dumps(shown.as_dict)


def test_what_is_not_done_is_listed_with_what_is_wrong(ledger, tmp_path):
    jobs = look(tmp_path / "spool").open
    assert [(job.job, job.state, job.error) for job in jobs] == [
        (1, "failed", "damaged"),
        (2, "delivering", "status 0xA700"),
        (4, "received", None),
    ]
    assert [job.job for job in look(tmp_path / "spool", most=1).open] == [1]


def test_one_instance_can_be_asked_about_even_when_done(ledger, tmp_path):
    [job] = look(tmp_path / "spool", instance="1.3").open
    assert (job.job, job.state, job.calling) == (3, "done", "SCANNER")
    assert look(tmp_path / "spool", instance="9.9").open == ()


def test_whether_a_node_is_at_work_is_seen_by_its_lock(ledger, tmp_path):
    assert not look(tmp_path / "spool").running
    with hold(tmp_path / "spool"):
        assert look(tmp_path / "spool").running


def test_an_empty_queue_and_none_at_all(tmp_path):
    with pytest.raises(OutputError, match="holds no queue"):
        look(tmp_path)
    Ledger.open(tmp_path).close()
    shown = look(tmp_path)
    assert (shown.oldest_s, shown.destinations, shown.open) == (None, (), ())
