"""Deliveries: each output to each destination by itself."""

from __future__ import annotations

import time

import pytest

from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.jobs import Jobs, Output, Received
from echoduet.dicom.node.ledger import Ledger

OUTPUTS = [Output("seg", "1.1", "9.1", "seg.dcm"), Output("sr", "1.2", "9.2", "sr.dcm")]


@pytest.fixture
def ledger(tmp_path):
    """A queue with one job, whose two outputs go to A and B."""
    opened = Ledger.open(tmp_path)
    jobs = Jobs(opened)
    jobs.add(Received("1.2.3", "digest", "association", "SCANNER", "one.dcm", 100))
    jobs.recover(3)
    Deliveries(opened).meet(["A", "B"])
    jobs.finish(jobs.claim(), OUTPUTS, ["A", "B"])
    yield opened
    opened.close()


@pytest.fixture
def deliveries(ledger):
    """Its deliveries."""
    return Deliveries(ledger)


def state(ledger):
    """Return the state of the job."""
    return ledger.rows("SELECT state FROM jobs")[0][0]


def test_they_are_due_in_the_order_in_which_they_were_made(deliveries):
    assert [delivery.file for delivery in deliveries.due("A")] == ["seg.dcm", "sr.dcm"]
    assert [delivery.file for delivery in deliveries.due("A", most=1)] == ["seg.dcm"]
    assert deliveries.due("C") == []


def test_a_job_is_done_when_the_last_was_taken(deliveries, ledger):
    deliveries.begin(deliveries.due("A"))
    assert state(ledger) == "delivering"
    for name in ("A", "B"):
        for delivery in deliveries.due(name):
            assert state(ledger) == "delivering"
            deliveries.sent(delivery, name)
        assert deliveries.due(name) == []
    assert state(ledger) == "done"


def test_what_one_refused_waits_and_what_was_taken_is_not_sent_again(deliveries):
    seg, sr = deliveries.due("A")
    deliveries.refused(seg, "A", "status 0xA700", time.time() + 60)
    deliveries.sent(sr, "A")
    assert deliveries.due("A") == []
    assert len(deliveries.due("B")) == 2
    deliveries.refused(seg, "A", "status 0xA700", time.time() - 1)
    [again] = deliveries.due("A")
    assert (again.file, again.attempts) == ("seg.dcm", 2)


def test_an_archive_that_cannot_be_reached_waits_as_a_whole(deliveries, ledger):
    deliveries.unreachable("A", "no connection", time.time() + 60)
    deliveries.unreachable("A", "no connection", time.time() + 60)
    assert (deliveries.due("A"), deliveries.failures("A"), deliveries.failures("B")) == ([], 2, 0)
    Jobs(ledger).recover(3)  # a new start asks at once
    assert len(deliveries.due("A")) == 2
    deliveries.unreachable("A", "no connection", 0)
    deliveries.sent(deliveries.due("A")[0], "A")
    assert deliveries.failures("A") == 0
    assert deliveries.failures("unknown") == 0


def test_what_waited_too_long_has_failed_and_is_kept(deliveries, ledger):
    for delivery in deliveries.due("A"):
        deliveries.sent(delivery, "A")
    assert deliveries.give_up(time.time() - 60) == 0
    assert deliveries.give_up(time.time() + 60) == 2
    assert state(ledger) == "failed"
    assert len(ledger.rows("SELECT * FROM outputs WHERE file IS NOT NULL")) == 2


def test_what_waits_for_others_is_known(deliveries):
    assert deliveries.elsewhere(["A", "B"]) == {}
    assert deliveries.elsewhere(["A"]) == {"B": 2}
