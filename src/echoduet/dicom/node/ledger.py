"""The database of the queue: opened, of the right version, and written so that what is committed survives."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError

NAME = "queue.sqlite"
VERSION = 1

# State of a job: received -> predicting -> predicted -> delivering -> done or failed.
# State of a delivery: pending -> sent or failed. Times are seconds since 1970.
_SCHEMA = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,      -- SOP Instance UID
    digest TEXT NOT NULL,        -- SHA-256 of the data set as it came
    model TEXT NOT NULL,         -- what answers
    association TEXT,            -- on which it came, while that lasts
    calling TEXT NOT NULL,       -- AE title that sent it
    file TEXT,                   -- in the spool; NULL once deleted
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'received',
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    received REAL NOT NULL,
    changed REAL NOT NULL,
    UNIQUE (instance, digest, model)
);
CREATE INDEX jobs_state ON jobs (state, association);
CREATE TABLE outputs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    kind TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    instance TEXT NOT NULL,
    file TEXT
);
CREATE INDEX outputs_job ON outputs (job);
CREATE TABLE deliveries (
    output INTEGER NOT NULL REFERENCES outputs ON DELETE CASCADE,
    destination TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,           -- when it is tried next
    error TEXT,
    created REAL NOT NULL,
    PRIMARY KEY (output, destination)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (destination, state, due);
CREATE TABLE destinations (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,  -- in a row
    due REAL NOT NULL DEFAULT 0,
    error TEXT,
    reached REAL                 -- when it last took something
) WITHOUT ROWID;
"""

# A job whose deliveries have all ended is done, or failed where one of them is.
SETTLE = (
    "UPDATE jobs SET changed = ?, state = iif(EXISTS (SELECT 1 FROM deliveries JOIN outputs ON outputs.id = output "
    "WHERE job = jobs.id AND deliveries.state = 'failed'), 'failed', 'done') "
    "WHERE state IN ('predicted', 'delivering') AND NOT EXISTS (SELECT 1 FROM deliveries "
    "JOIN outputs ON outputs.id = output WHERE job = jobs.id AND deliveries.state = 'pending')"
)


class Ledger:
    """One connection, shared by the threads of a process."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path, create: bool = True) -> Ledger:
        """Open the queue of a spool.

        Args:
            folder: the spool.
            create: make it where there is none.

        Raises:
            OutputError: there is none, another version wrote it, or it cannot be used.
        """
        path = folder / NAME
        if not create and not path.is_file():
            raise OutputError(f"{folder}: holds no queue of a node. Name the node's folder by --spool.")
        with damage_told(folder):
            if create:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            ledger = cls(_connected(path))
            ledger._prepare(path)
            return ledger

    def _prepare(self, path: Path) -> None:
        with self.transaction() as sql:
            version = sql.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise OutputError(
                    f"{path}: is of format {version}, and this version reads {VERSION}. "
                    "Use the version that wrote it, or choose another --spool."
                )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection; all that is done in the block is on the disk after it, or none of it is."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Return the rows of a query."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()


@contextmanager
def damage_told(folder: Path) -> Iterator[None]:
    """Turn what SQLite says about a queue that it cannot use into a sentence.

    Raises:
        OutputError: the queue of this spool cannot be used.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        path = folder / NAME
        raise OutputError(f"{path}: cannot be used ({error}). Restore it, or choose another --spool.") from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    # Readers do not wait for the writer, and a commit has reached the disk when it returns.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
