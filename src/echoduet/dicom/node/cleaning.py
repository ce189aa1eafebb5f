"""What an operator or the clock takes out of the queue, or puts back into it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from echoduet.dicom.node.ledger import SETTLE, Ledger, damage_told
from echoduet.dicom.node.spool import Spool
from echoduet.errors import DataError


class Cleaning:
    """Removes what is no longer needed: the row first, then the file, so that no row names a missing file."""

    def __init__(self, ledger: Ledger, spool: Spool) -> None:
        self._ledger = ledger
        self._spool = spool

    def sweep(self) -> int:
        """Remove files that no row names: a crash left them before they were acknowledged. Return how many."""
        named = self._ledger.rows(
            "SELECT file FROM jobs WHERE file IS NOT NULL UNION SELECT file FROM outputs WHERE file IS NOT NULL"
        )
        return self._spool.sweep({row["file"] for row in named})

    def files_of_done(self, before: float) -> int:
        """Remove the files of jobs that were done before a time, and return how many jobs those are."""
        with self._ledger.transaction() as sql:
            done = sql.execute(
                "SELECT id, file FROM jobs WHERE state = 'done' AND changed <= ? AND file IS NOT NULL", (before,)
            ).fetchall()
            files = [row["file"] for row in done]
            for row in done:
                made = sql.execute("SELECT file FROM outputs WHERE job = ? AND file IS NOT NULL", (row["id"],))
                files += [output["file"] for output in made]
                sql.execute("UPDATE outputs SET file = NULL WHERE job = ?", (row["id"],))
                sql.execute("UPDATE jobs SET file = NULL WHERE id = ?", (row["id"],))
        self._spool.remove(files)
        return len(done)

    def rows_of_done(self, before: float) -> int:
        """Forget jobs that were done before a time and have no files left, and return how many."""
        with self._ledger.transaction() as sql:
            return sql.execute(
                "DELETE FROM jobs WHERE state = 'done' AND changed <= ? AND file IS NULL", (before,)
            ).rowcount

    def discard(self, numbers: Sequence[int]) -> int:
        """Forget failed jobs and their files, and return how many.

        Raises:
            DataError: one of them is not a failed job.
        """
        with self._ledger.transaction() as sql:
            files = []
            for number in numbers:
                row = sql.execute("SELECT state, file FROM jobs WHERE id = ?", (number,)).fetchone()
                if row is None or row["state"] != "failed":
                    raise DataError(f"job {number}: has not failed. `echoduet node status` lists those that have.")
                made = sql.execute("SELECT file FROM outputs WHERE job = ?", (number,)).fetchall()
                files += [row["file"], *(output["file"] for output in made)]
                sql.execute("DELETE FROM jobs WHERE id = ?", (number,))
        self._spool.remove([file for file in files if file is not None])
        return len(numbers)

    def retry(self, numbers: Sequence[int] = ()) -> int:
        """Let failed jobs be tried again, all of them where none is named, and waiting deliveries now.

        Returns:
            How many failed jobs are tried again.

        Raises:
            DataError: one of those named is not in the queue.
        """
        now = time.time()
        with self._ledger.transaction() as sql:
            known = {row["id"] for row in sql.execute("SELECT id FROM jobs").fetchall()} if numbers else set()
            if unknown := [number for number in numbers if number not in known]:
                raise DataError(f"job {unknown[0]}: is not in the queue. `echoduet node status` lists the jobs.")
            sql.execute("UPDATE destinations SET due = 0")
            sql.execute("UPDATE deliveries SET due = 0 WHERE state = 'pending'")
            failed = [row["id"] for row in sql.execute("SELECT id FROM jobs WHERE state = 'failed'").fetchall()]
            chosen = [number for number in failed if not numbers or number in numbers]
            for number in chosen:
                again = sql.execute(
                    "UPDATE deliveries SET state = 'pending', due = 0, created = ? WHERE state = 'failed' "
                    "AND output IN (SELECT id FROM outputs WHERE job = ?)",
                    (now, number),
                )
                state, attempts = ("delivering", "attempts") if again.rowcount else ("received", "0")
                sql.execute(
                    f"UPDATE jobs SET state = ?, attempts = {attempts}, error = NULL, changed = ? WHERE id = ?",
                    (state, now, number),
                )
        return len(chosen)

    def move(self, old: str, new: str) -> int:
        """Send what waits for one destination to another, and return how many deliveries those are.

        Raises:
            DataError: nothing was ever to go to the old one.
        """
        with self._ledger.transaction() as sql:
            if sql.execute("SELECT 1 FROM destinations WHERE name = ?", (old,)).fetchone() is None:
                raise DataError(f"{old}: is no destination of this queue. `echoduet node status` lists those it has.")
            sql.execute("INSERT OR IGNORE INTO destinations (name) VALUES (?)", (new,))
            values = (new, old)
            moved = sql.execute(
                "UPDATE OR IGNORE deliveries SET destination = ?, due = 0 WHERE destination = ? AND state != 'sent'",
                values,
            )
            # What goes to the new one anyway, or has gone there: a job may then wait for nothing more.
            sql.execute("DELETE FROM deliveries WHERE destination = ? AND state != 'sent'", (old,))
            sql.execute(SETTLE, (time.time(),))
            return moved.rowcount


@contextmanager
def opened(folder: Path) -> Iterator[Cleaning]:
    """Yield what works on the queue of a spool, also of one at which a node is at work.

    Raises:
        OutputError: the folder holds no queue, or one that cannot be used.
    """
    ledger = Ledger.open(folder, create=False)
    try:
        with damage_told(folder):
            yield Cleaning(ledger, Spool(folder))
    finally:
        ledger.close()
