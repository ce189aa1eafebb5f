"""Jobs: one received instance each, from its receipt to the last delivery of what was found."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from echoduet.dicom.node.ledger import SETTLE, Ledger

INTERRUPTED = "the process ended while it was predicted"

Receipt = Literal["new", "again", "known"]
"""What an instance that arrives is: not seen yet; seen, and failed then; seen, and done or under way."""


@dataclass(frozen=True, slots=True)
class Received:
    """An instance that has arrived and lies in the spool.

    Attributes:
        instance: SOP Instance UID.
        digest: SHA-256 of its data set as it came.
        association: on which it came.
        calling: AE title that sent it.
        file: name in the spool.
        size: bytes.
    """

    instance: str
    digest: str
    association: str
    calling: str
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Job:
    """An instance to be predicted."""

    number: int
    instance: str
    file: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Output:
    """An instance that was made: what it is, and its name in the spool."""

    kind: str
    sop_class: str
    instance: str
    file: str


class Jobs:
    """What the queue knows about jobs."""

    def __init__(self, ledger: Ledger, model: str = "") -> None:
        """Keep jobs in `ledger` that `model` answers."""
        self._ledger = ledger
        self._model = model

    def recover(self, most_attempts: int) -> None:
        """Take up what the last process left: no association lasts, and nothing is being predicted."""
        with self._ledger.transaction() as sql:
            sql.execute("UPDATE jobs SET association = NULL")
            sql.execute(
                "UPDATE jobs SET state = iif(attempts < ?, 'received', 'failed'), error = ?, changed = ? "
                "WHERE state = 'predicting'",
                (most_attempts, INTERRUPTED, time.time()),
            )
            sql.execute("UPDATE OR IGNORE jobs SET model = ? WHERE state = 'received'", (self._model,))
            sql.execute("UPDATE destinations SET due = 0, failures = 0")

    def add(self, received: Received) -> tuple[Receipt, int, str | None]:
        """Enter an instance; return what it is, its job's number, and the file that is not needed, if any."""
        with self._ledger.transaction() as sql:
            key = (received.instance, received.digest, self._model)
            known = sql.execute(
                "SELECT id, file, state, EXISTS (SELECT 1 FROM outputs WHERE job = jobs.id) AS answered FROM jobs "
                "WHERE instance = ? AND digest = ? AND model = ?",
                key,
            ).fetchone()
            now = time.time()
            if known is None:
                added = sql.execute(
                    "INSERT INTO jobs (instance, digest, model, association, calling, file, bytes, received, changed) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*key, received.association, received.calling, received.file, received.size, now, now),
                )
                return "new", added.lastrowid or 0, None
            if known["state"] != "failed" or known["answered"]:
                return "known", known["id"], received.file
            sql.execute(
                "UPDATE jobs SET state = 'received', attempts = 0, error = NULL, association = ?, calling = ?, "
                "file = ?, changed = ? WHERE id = ?",
                (received.association, received.calling, received.file, now, known["id"]),
            )
            return "again", known["id"], known["file"]

    def end_association(self, association: str) -> None:
        """Let what came on an association be predicted."""
        with self._ledger.transaction() as sql:
            sql.execute("UPDATE jobs SET association = NULL WHERE association = ?", (association,))

    def claim(self) -> Job | None:
        """Return the next job to predict, marked as begun; None where there is none.

        That it was begun is on the disk before it is: should it end the process, this is known.
        """
        if not self._ledger.rows("SELECT 1 FROM jobs WHERE state = 'received' AND association IS NULL LIMIT 1"):
            return None
        with self._ledger.transaction() as sql:
            row = sql.execute(
                # One that failed before waits until the others were tried as often.
                "UPDATE jobs SET state = 'predicting', attempts = attempts + 1, changed = ? WHERE id = (SELECT id "
                "FROM jobs WHERE state = 'received' AND association IS NULL ORDER BY attempts, id LIMIT 1) "
                "RETURNING id, instance, file, attempts",
                (time.time(),),
            ).fetchone()
        return None if row is None else Job(row["id"], row["instance"], row["file"], row["attempts"])

    def put_back(self, job: Job) -> None:
        """Let a job wait that was begun and not ended because the node stops; this does not count as an attempt."""
        self._set(job, "received", None, job.attempts - 1)

    def fail(self, job: Job, error: str, again: bool = False) -> None:
        """Note why a job was not predicted; it is tried once more, or has failed."""
        self._set(job, "received" if again else "failed", error, job.attempts)

    def _set(self, job: Job, state: str, error: str | None, attempts: int) -> None:
        with self._ledger.transaction() as sql:
            sql.execute(
                "UPDATE jobs SET state = ?, error = ?, attempts = ?, changed = ? WHERE id = ?",
                (state, error, attempts, time.time(), job.number),
            )

    def finish(self, job: Job, outputs: Iterable[Output], destinations: Sequence[str]) -> None:
        """Enter what was made of a job, and that each of it goes to each destination."""
        now = time.time()
        with self._ledger.transaction() as sql:
            for output in outputs:
                added = sql.execute(
                    "INSERT INTO outputs (job, kind, sop_class, instance, file) VALUES (?, ?, ?, ?, ?)",
                    (job.number, output.kind, output.sop_class, output.instance, output.file),
                )
                sql.executemany(
                    "INSERT INTO deliveries (output, destination, due, created) VALUES (?, ?, ?, ?)",
                    [(added.lastrowid, name, now, now) for name in destinations],
                )
            sql.execute(
                "UPDATE jobs SET state = 'predicted', error = NULL, changed = ? WHERE id = ?", (now, job.number)
            )
            sql.execute(SETTLE + " AND id = ?", (now, job.number))  # done already where nothing was made
