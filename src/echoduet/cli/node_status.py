"""The queue of a node in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from echoduet.dicom.node.overview import Overview


def as_text(overview: Overview) -> str:
    """Return what `echoduet node status` prints."""
    counts = ", ".join(f"{count} {state}" for state, count in overview.jobs.items() if count)
    lines = [
        f"node {'running' if overview.running else 'not running'}, spool {overview.spool}",
        f"jobs: {counts or 'none'}",
    ]
    if overview.oldest_s is not None:
        lines.append(f"oldest unfinished job: {overview.oldest_s:.0f} s")
    destinations = [
        (
            peer.destination,
            f"{peer.pending} pending, {peer.sent} sent, {peer.failed} failed",
            f"next attempt {peer.next_attempt}" if peer.next_attempt else "",
            peer.error or "",
        )
        for peer in overview.destinations
    ]
    jobs = [
        (f"{job.job}", job.state, f"from {job.calling} {job.received}", job.instance, job.error or "")
        for job in overview.open
    ]
    return "\n".join([*lines, *_aligned(destinations), *_aligned(jobs)])


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
