"""Jobs: what arrives twice is predicted once, and no crash is repeated for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echoduet.dicom.node.jobs import INTERRUPTED, Jobs, Output, Received
from echoduet.dicom.node.ledger import Ledger

ONE = Received("1.2.3", "digest", "association", "SCANNER", "one.dcm", 100)
OUTPUTS = [Output("seg", "1.1", "9.1", "seg.dcm"), Output("sr", "1.2", "9.2", "sr.dcm")]


@pytest.fixture
def ledger(tmp_path):
    """A new queue."""
    opened = Ledger.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def jobs(ledger):
    """Its jobs."""
    return Jobs(ledger, "model")


def state(ledger, number=1):
    """Return state, attempts and error of a job."""
    return tuple(ledger.rows("SELECT state, attempts, error FROM jobs WHERE id = ?", (number,))[0])


def test_a_job_waits_until_its_association_has_ended(jobs):
    assert jobs.add(ONE) == ("new", 1, None)
    assert jobs.claim() is None
    jobs.end_association("another")
    assert jobs.claim() is None
    jobs.end_association("association")
    job = jobs.claim()
    assert (job.number, job.instance, job.file, job.attempts) == (1, "1.2.3", "one.dcm", 1)
    assert jobs.claim() is None


def test_the_same_bytes_again_make_no_second_job(jobs):
    jobs.add(ONE)
    assert jobs.add(replace(ONE, file="two.dcm", association="later")) == ("known", 1, "two.dcm")


def test_the_same_uid_with_other_bytes_or_for_another_model_is_another_job(jobs, ledger):
    jobs.add(ONE)
    assert jobs.add(replace(ONE, digest="other"))[:2] == ("new", 2)
    assert Jobs(ledger, "later model").add(ONE)[:2] == ("new", 3)


def test_what_failed_is_tried_again_when_it_comes_again(jobs, ledger):
    jobs.add(ONE)
    jobs.end_association("association")
    jobs.fail(jobs.claim(), "damaged")
    assert state(ledger) == ("failed", 1, "damaged")
    assert jobs.add(replace(ONE, file="two.dcm")) == ("again", 1, "one.dcm")
    jobs.end_association("association")
    assert jobs.claim().file == "two.dcm"


def test_a_process_that_ended_while_predicting_counts(jobs, ledger):
    jobs.add(ONE)
    jobs.recover(3)
    for attempt in (1, 2, 3):
        assert jobs.claim().attempts == attempt
        jobs.recover(3)
    assert state(ledger) == ("failed", 3, INTERRUPTED)
    assert jobs.claim() is None


def test_a_start_lets_what_came_on_lost_associations_be_predicted(jobs):
    jobs.add(ONE)
    jobs.recover(3)
    assert jobs.claim() is not None


def test_a_job_that_was_put_back_has_not_been_tried(jobs, ledger):
    jobs.add(ONE)
    jobs.recover(3)
    jobs.put_back(jobs.claim())
    assert state(ledger) == ("received", 0, None)


def test_one_that_failed_waits_for_the_others(jobs):
    jobs.add(ONE)
    jobs.add(replace(ONE, instance="1.2.4"))
    jobs.recover(3)
    first = jobs.claim()
    jobs.fail(first, "unexpected", again=True)
    assert jobs.claim().number == 2
    assert jobs.claim().number == 1


def test_what_was_made_goes_to_every_destination(jobs, ledger):
    jobs.add(ONE)
    jobs.recover(3)
    jobs.finish(jobs.claim(), OUTPUTS, ["A", "B"])
    assert state(ledger)[0] == "predicted"
    rows = ledger.rows("SELECT kind, destination, state FROM deliveries JOIN outputs ON id = output ORDER BY 1, 2")
    expected = [("seg", "A"), ("seg", "B"), ("sr", "A"), ("sr", "B")]
    assert [tuple(row) for row in rows] == [(*pair, "pending") for pair in expected]


def test_a_job_of_which_nothing_was_made_is_done(jobs, ledger):
    jobs.add(ONE)
    jobs.recover(3)
    jobs.finish(jobs.claim(), [], ["A"])
    assert state(ledger)[0] == "done"
