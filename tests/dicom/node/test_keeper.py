"""The clock: what is due is removed or given up, the rest stays."""

from __future__ import annotations

import io

import pytest

from echoduet.dicom.node.cleaning import Cleaning
from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.jobs import Jobs, Output, Received
from echoduet.dicom.node.journal import Journal
from echoduet.dicom.node.keeper import Keeper
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.settings import Keeping, Patience
from echoduet.dicom.node.spool import Spool

PATIENT = Patience()


@pytest.fixture
def queue(tmp_path):
    """A queue with one job that is done and one that waits."""
    spool = Spool.prepare(tmp_path / "spool")
    ledger = Ledger.open(spool.folder)
    jobs, deliveries = Jobs(ledger), Deliveries(ledger)
    deliveries.meet(["A"])
    for instance in ("1", "2"):
        jobs.add(Received(instance, "digest", "x", "SCANNER", spool.write(b"source"), 6))
        jobs.end_association("x")
        jobs.finish(jobs.claim(), [Output("sr", "1.2", "9", spool.write(b"report"))], ["A"])
    deliveries.sent(deliveries.due("A")[0], "A")
    yield spool, ledger
    ledger.close()


def states_after(queue, keeping, patience=PATIENT):
    """Let a keeper work once; return the states of the jobs, how many files are left, and what it told."""
    spool, ledger = queue
    log = io.StringIO()
    keeper = Keeper(Cleaning(ledger, spool), Deliveries(ledger), keeping, patience, Journal(log))
    assert keeper.step() is False
    states = [row[0] for row in ledger.rows("SELECT state FROM jobs ORDER BY id")]
    return states, len(list(spool.folder.rglob("*.dcm"))), log.getvalue()


def test_files_of_what_is_done_go_at_once_by_default(queue):
    assert states_after(queue, Keeping()) == (["done", "predicted"], 2, "")


def test_they_stay_where_that_is_wanted(queue):
    assert states_after(queue, Keeping(files=3600))[:2] == (["done", "predicted"], 4)


def test_rows_go_when_their_time_has_come(queue):
    assert states_after(queue, Keeping(rows=0))[:2] == (["predicted"], 2)


def test_what_waits_too_long_has_failed_and_keeps_its_files(queue):
    states, files, told = states_after(queue, Keeping(), Patience(give_up=0.0))
    assert (states, files) == (["done", "failed"], 2)
    assert '"given_up"' in told
