"""What the queue holds, for `echoduet node status`; read while the node runs."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from echoduet.dicom.node.ledger import Ledger, damage_told
from echoduet.errors import OutputError
from echoduet.lock import hold

STATES = ("received", "predicting", "predicted", "delivering", "done", "failed")


@dataclass(frozen=True, slots=True)
class JobView:
    """One job: its state, how often it was begun, whence and when it came, and what is wrong with it."""

    job: int
    instance: str
    state: str
    attempts: int
    calling: str
    received: str
    error: str | None


@dataclass(frozen=True, slots=True)
class DestinationView:
    """One destination: its deliveries by state, and what is wrong with it."""

    destination: str
    pending: int
    sent: int
    failed: int
    failures: int
    reached: str | None
    next_attempt: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole queue.

    Attributes:
        spool: its folder.
        running: whether a node is at work on it.
        jobs: how many are in each state.
        oldest_s: age of the oldest job that is neither done nor failed, seconds; None where there is none.
        destinations: every destination that was ever named.
        open: jobs that are not done, the oldest first, no more than were asked for.
    """

    spool: str
    running: bool
    jobs: dict[str, int]
    oldest_s: float | None
    destinations: tuple[DestinationView, ...]
    open: tuple[JobView, ...]

    @property
    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def look(folder: Path, most: int = 50, instance: str | None = None) -> Overview:
    """Return what the queue of a spool holds.

    Args:
        folder: the spool.
        most: most jobs to list.
        instance: list the jobs of this SOP Instance UID instead, done or not.

    Raises:
        OutputError: it holds no queue, or one that cannot be read.
    """
    ledger = Ledger.open(folder, create=False)
    try:
        with damage_told(folder):
            return _overview(ledger, folder, most, instance)
    finally:
        ledger.close()


def _overview(ledger: Ledger, folder: Path, most: int, instance: str | None) -> Overview:
    oldest = ledger.rows("SELECT min(received) FROM jobs WHERE state NOT IN ('done', 'failed')")[0][0]
    return Overview(
        str(folder),
        is_running(folder),
        _counts(ledger),
        None if oldest is None else round(max(0.0, time.time() - oldest), 1),
        tuple(_destinations(ledger)),
        tuple(_jobs(ledger, most, instance)),
    )


def is_running(folder: Path) -> bool:
    """Tell whether a node is at work on a spool."""
    try:
        hold(folder, "--spool").close()
    except OutputError:
        return True
    return False


def _counts(ledger: Ledger) -> dict[str, int]:
    found = {row[0]: row[1] for row in ledger.rows("SELECT state, count(*) FROM jobs GROUP BY state")}
    return {state: found.get(state, 0) for state in STATES}


def _destinations(ledger: Ledger) -> list[DestinationView]:
    rows = ledger.rows(
        "SELECT name, sum(state = 'pending') AS pending, sum(state = 'sent') AS sent, sum(state = 'failed') AS failed, "
        "failures, reached, max(destinations.due, ifnull(min(deliveries.due) FILTER (WHERE state = 'pending'), 0)) "
        "AS due, ifnull(destinations.error, max(deliveries.error) FILTER (WHERE state != 'sent')) AS error "
        "FROM destinations LEFT JOIN deliveries ON destination = name GROUP BY name"
    )
    return [
        DestinationView(
            row["name"],
            row["pending"] or 0,
            row["sent"] or 0,
            row["failed"] or 0,
            row["failures"],
            _when(row["reached"]),
            _when(row["due"]) if row["pending"] else None,
            row["error"],
        )
        for row in rows
    ]


def _jobs(ledger: Ledger, most: int, instance: str | None) -> list[JobView]:
    which, values = ("state != 'done'", [most]) if instance is None else ("instance = ?", [instance, most])
    rows = ledger.rows(
        "SELECT id, instance, state, attempts, calling, received, "
        "ifnull(error, (SELECT max(deliveries.error) FROM deliveries JOIN outputs ON outputs.id = output "
        f"WHERE job = jobs.id AND deliveries.state != 'sent')) AS error FROM jobs WHERE {which} ORDER BY id LIMIT ?",
        values,
    )
    return [
        JobView(
            row["id"], row["instance"], row["state"], row["attempts"], row["calling"], _when(row["received"]) or "",
            row["error"],
        )
        for row in rows
    ]  # fmt: skip


def _when(seconds: float | None) -> str | None:
    return None if not seconds else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
