"""The database: what is committed stays, what is not is gone."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from echoduet.dicom.node.ledger import NAME, Ledger
from echoduet.errors import OutputError

JOB = (
    "INSERT INTO jobs (instance, digest, model, calling, bytes, received, changed) VALUES ('1', '2', '', 'A', 1, 0, 0)"
)


@pytest.fixture
def ledger(tmp_path):
    """A new queue."""
    opened = Ledger.open(tmp_path)
    yield opened
    opened.close()


def test_it_is_written_so_that_a_commit_survives(ledger, tmp_path):
    assert ledger.rows("PRAGMA journal_mode")[0][0] == "wal"
    assert ledger.rows("PRAGMA synchronous")[0][0] == 2
    assert ledger.rows("PRAGMA foreign_keys")[0][0] == 1
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_transaction_is_done_whole_or_not_at_all(ledger):
    with pytest.raises(ZeroDivisionError), ledger.transaction() as sql:
        sql.execute(JOB)
        raise ZeroDivisionError
    assert ledger.rows("SELECT * FROM jobs") == []
    with ledger.transaction() as sql:
        sql.execute(JOB)
    assert len(ledger.rows("SELECT * FROM jobs")) == 1


def test_what_was_committed_is_there_in_the_next_process(ledger, tmp_path):
    with ledger.transaction() as sql:
        sql.execute(JOB)
    second = Ledger.open(tmp_path)
    assert len(second.rows("SELECT * FROM jobs")) == 1
    second.close()


def test_a_reader_is_not_kept_waiting_by_a_writer(ledger, tmp_path):
    second = Ledger.open(tmp_path, create=False)
    with ledger.transaction() as sql:
        sql.execute(JOB)
        assert second.rows("SELECT count(*) FROM jobs")[0][0] == 0
    second.close()


def test_another_format_is_told(ledger, tmp_path):
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutputError, match="is of format 99"):
        Ledger.open(tmp_path)


def test_what_is_no_queue_is_told(tmp_path):
    with pytest.raises(OutputError, match="holds no queue"):
        Ledger.open(tmp_path, create=False)
    (tmp_path / NAME).write_bytes(b"no database " * 100)
    with pytest.raises(OutputError, match="cannot be used"):
        Ledger.open(tmp_path)
