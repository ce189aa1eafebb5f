"""`echoduet node` and what an operator does with its queue."""

from __future__ import annotations

import pytest

from echoduet.cli.node_status import as_text
from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.jobs import Jobs, Output, Received
from echoduet.dicom.node.ledger import Ledger
from echoduet.dicom.node.overview import look
from echoduet.dicom.node.spool import Spool

PACS = "PACS@127.0.0.1:104"


@pytest.fixture
def spool(tmp_path):
    """A spool with one job that failed, and one whose delivery waits."""
    made = Spool.prepare(tmp_path / "spool")
    ledger = Ledger.open(made.folder)
    jobs = Jobs(ledger)
    Deliveries(ledger).meet([PACS])
    for number in (1, 2):
        jobs.add(Received(f"1.2.{number}", "digest", "x", "SCANNER", made.write(b"source"), 6))
    jobs.end_association("x")
    jobs.fail(jobs.claim(), "damaged")
    jobs.finish(jobs.claim(), [Output("sr", "1", "9", made.write(b"report"))], [PACS])
    ledger.close()
    return made.folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--send-to: no destination is named"),
        (["--send-to", "PACS"], "Give it as AET@host:port"),
        (["--send-to", PACS, "--aet", "A" * 17], "--aet 'AAAAAAAAAAAAAAAAA': is no AE title"),
        (["--send-to", PACS, "--bind", "0.0.0.0"], "by --allow-aet"),
        (["--send-to", PACS, "--tls-cert", "x.pem"], "belong together"),
        (["--send-to", PACS, "--model", "none.safetensors"], "none.safetensors"),
        (["--send-to", PACS, "--port", "70000"], "--port"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(call, tmp_path, words, told):
    done = call("node", "--spool", tmp_path / "spool", *words)
    assert done.code == 2
    assert told in done.err
    assert not (tmp_path / "spool").exists()


def test_status_in_words(call, spool):
    told = call("node", "status", "--spool", spool)
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].startswith("node not running, spool ")
    assert lines[1] == "jobs: 1 predicted, 1 failed"
    assert lines[3].startswith(f"{PACS}  1 pending, 0 sent, 0 failed")
    assert "failed" in lines[4] and lines[4].endswith("1.2.1  damaged")
    assert told.out.strip() == as_text(look(spool)).strip()


def test_status_as_json_and_of_one_instance(call, spool):
    told = call("node", "status", "--spool", spool, "--json").json
    assert told["jobs"]["failed"] == 1
    assert told["destinations"][0]["destination"] == PACS
    told = call("node", "status", "--spool", spool, "--instance", "1.2.2", "--json").json
    assert [job["job"] for job in told["open"]] == [2]


def test_the_spool_may_be_named_by_the_environment(call, spool, monkeypatch):
    monkeypatch.setenv("ECHODUET_SPOOL", str(spool))
    assert call("node", "status").code == 0


def test_no_queue_is_told(call, tmp_path):
    told = call("node", "status", "--spool", tmp_path)
    assert told.code == 2
    assert "holds no queue of a node" in told.err


def test_an_empty_queue_is_shown(call, tmp_path):
    Ledger.open(tmp_path).close()
    assert "jobs: none" in call("node", "status", "--spool", tmp_path).out


def test_failed_jobs_are_tried_again(call, spool):
    assert call("node", "retry", "--spool", spool, "--json").json == {"retried": 1}
    assert look(spool).jobs["failed"] == 0
    assert call("node", "retry", 1, "--spool", spool, "--json").json == {"retried": 0}
    assert "failed jobs tried again: 0; waiting deliveries" in call("node", "retry", "--spool", spool).out


def test_failed_jobs_are_discarded_and_others_are_not(call, spool):
    told = call("node", "discard", 2, "--spool", spool)
    assert told.code == 2
    assert "job 2: has not failed" in told.err
    assert "failed jobs discarded: 1" in call("node", "discard", 1, "--spool", spool).out
    assert [job.job for job in look(spool).open] == [2]


def test_what_waits_is_moved(call, spool):
    told = call("node", "move", PACS, "NEW@127.0.0.1:105", "--spool", spool)
    assert "1 deliveries go to NEW@127.0.0.1:105" in told.out
    assert "--send-to NEW@127.0.0.1:105" in told.err
    assert {peer.destination: peer.pending for peer in look(spool).destinations} == {PACS: 0, "NEW@127.0.0.1:105": 1}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("TYPO@127.0.0.1:104", PACS, "TYPO@127.0.0.1:104: is no destination of this queue"),
        ("TYPO", PACS, "OLD 'TYPO': is no destination"),
        (PACS, "NEW", "NEW 'NEW': is no destination"),
    ],
)
def test_a_move_that_cannot_be_meant_is_told(call, spool, old, new, said):
    told = call("node", "move", old, new, "--spool", spool)
    assert (told.code, said in told.err) == (2, True)


@pytest.mark.parametrize("words", [["status"], ["retry"], ["discard", 1], ["move", PACS, "NEW@127.0.0.1:105"]])
def test_a_damaged_queue_is_told_in_a_sentence(call, spool, words):
    damage(spool / "queue.sqlite")
    told = call("node", *words, "--spool", spool)
    assert told.code == 2
    assert "queue.sqlite: cannot be used (database disk image is malformed). Restore it" in told.err


def damage(path):
    """Overwrite everything but the page that says what tables there are."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))
