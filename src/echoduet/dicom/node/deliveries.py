"""Deliveries: one output to one destination each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from echoduet.dicom.node.ledger import SETTLE, Ledger


@dataclass(frozen=True, slots=True)
class Delivery:
    """An output that is to be sent.

    Attributes:
        output: number of the output.
        job: number of the job that it is of.
        sop_class: its SOP Class UID.
        instance: its SOP Instance UID.
        file: its name in the spool.
        attempts: how often it was tried.
    """

    output: int
    job: int
    sop_class: str
    instance: str
    file: str
    attempts: int


class Deliveries:
    """What the queue knows about deliveries."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def meet(self, destinations: Iterable[str]) -> None:
        """Enter destinations."""
        with self._ledger.transaction() as sql:
            sql.executemany("INSERT OR IGNORE INTO destinations (name) VALUES (?)", [(name,) for name in destinations])

    def elsewhere(self, destinations: Iterable[str]) -> dict[str, int]:
        """Return how much waits for destinations other than these."""
        rows = self._ledger.rows("SELECT destination, count(*) FROM deliveries WHERE state = 'pending' GROUP BY 1")
        named = set(destinations)
        return {row[0]: row[1] for row in rows if row[0] not in named}

    def due(self, destination: str, most: int = 64) -> list[Delivery]:
        """Return what is to be sent to a destination now, in the order in which it was made."""
        now = time.time()
        rows = self._ledger.rows(
            "SELECT outputs.id, job, sop_class, instance, file, attempts FROM deliveries "
            "JOIN outputs ON outputs.id = output WHERE destination = ? AND state = 'pending' AND due <= ? "
            "AND (SELECT due FROM destinations WHERE name = destination) <= ? ORDER BY outputs.id LIMIT ?",
            (destination, now, now, most),
        )
        return [Delivery(*row) for row in rows]

    def begin(self, deliveries: Iterable[Delivery]) -> None:
        """Note of jobs that their delivery has begun."""
        with self._ledger.transaction() as sql:
            sql.executemany(
                "UPDATE jobs SET state = 'delivering', changed = ? WHERE id = ? AND state = 'predicted'",
                [(time.time(), job) for job in {delivery.job for delivery in deliveries}],
            )

    def sent(self, delivery: Delivery, destination: str) -> None:
        """Note that a destination has taken an output; the job is done where that was the last."""
        now = time.time()
        with self._ledger.transaction() as sql:
            sql.execute(
                "UPDATE deliveries SET state = 'sent', error = NULL, attempts = attempts + 1 "
                "WHERE output = ? AND destination = ?",
                (delivery.output, destination),
            )
            sql.execute(
                "UPDATE destinations SET failures = 0, due = 0, error = NULL, reached = ? WHERE name = ?",
                (now, destination),
            )
            sql.execute(SETTLE + " AND id = ?", (now, delivery.job))

    def refused(self, delivery: Delivery, destination: str, error: str, due: float) -> None:
        """Note that a destination has not taken an output, why, and when it is tried again."""
        with self._ledger.transaction() as sql:
            sql.execute(
                "UPDATE deliveries SET error = ?, due = ?, attempts = attempts + 1 "
                "WHERE output = ? AND destination = ?",
                (error, due, delivery.output, destination),
            )

    def unreachable(self, destination: str, error: str, due: float) -> None:
        """Note that a destination could not be spoken to, why, and when it is tried again."""
        with self._ledger.transaction() as sql:
            sql.execute(
                "UPDATE destinations SET failures = failures + 1, error = ?, due = ? WHERE name = ?",
                (error, due, destination),
            )

    def failures(self, destination: str) -> int:
        """Return how often in a row a destination could not be spoken to."""
        rows = self._ledger.rows("SELECT failures FROM destinations WHERE name = ?", (destination,))
        return int(rows[0][0]) if rows else 0

    def give_up(self, before: float) -> int:
        """Count deliveries as failed that were due before a time, and return how many."""
        with self._ledger.transaction() as sql:
            given = sql.execute(
                "UPDATE deliveries SET state = 'failed' WHERE state = 'pending' AND created < ?", (before,)
            )
            if given.rowcount:
                sql.execute(SETTLE, (time.time(),))
            return given.rowcount
