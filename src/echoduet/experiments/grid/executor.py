"""The seam between a grid and what runs its cells: one protocol, several engines."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from echoduet.experiments.grid.cell import attempt_cell
from echoduet.experiments.grid.jobs import Job
from echoduet.progress import Progress

T = TypeVar("T")

Beat = Callable[[], None]
"""Called about once a second while cells run: the grid looks how far they are."""

BEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """How a cell ended: finished, or why not, in a sentence."""

    job: Job
    failure: str | None = None


class Executor(Protocol):
    """Runs cells. What a cell leaves lies in its folder; only how it ended comes back."""

    def run(self, jobs: Sequence[Job], beat: Beat) -> Generator[Report, None, None]:
        """Run every job, begun in the order given, and yield a report on each as it ends.

        A failure of one does not stop the others. When the caller stops listening (Ctrl-C), what runs is ended.
        """
        ...


class Serial:
    """One cell after another, in this process."""

    def run(self, jobs: Sequence[Job], beat: Beat) -> Generator[Report, None, None]:
        """Run the jobs in order."""
        for job in jobs:
            yield Report(job, attempt_cell(job, beating(beat)))


def beating(beat: Beat) -> Progress:
    """Return a progress that shows nothing but calls `beat` about once a second."""

    def watched(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        last = time.monotonic()
        for item in items:
            if time.monotonic() - last > BEAT_S:
                beat()
                last = time.monotonic()
            yield item

    return watched
