"""How far a running grid is and how long it will take: by the epochs its cells have logged, whoever runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from echoduet.experiments.grid.attempt import epochs_done
from echoduet.experiments.grid.jobs import Job, attempts_at


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a grid is.

    Attributes:
        cells: how many there are.
        finished: how many are finished.
        failed: how many failed since the start.
        running: how many are begun and not finished.
        share: of the work that is done, 0 to 1; failed cells aside.
        seconds_left: at the speed since the start; None until something was done.
    """

    cells: int
    finished: int
    failed: int
    running: int
    share: float
    seconds_left: float | None


def epochs_of(job: Job) -> int:
    """Return how many epochs a finished cell took; one that trains nothing counts as all of its configuration."""
    return job.experiment.optim.epochs if job.members else epochs_done(job.folder)


class Pace:
    """Weighs every cell by the images and pixels it processes, and compares with the clock."""

    def __init__(
        self,
        epoch_costs: Mapping[Job, float],
        finished: Mapping[Job, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            epoch_costs: what an epoch of each cell costs, in images; see `cost.epoch_cost`.
            finished: how many epochs the finished cells took; see `epochs_of`.
            clock: seconds from any beginning.
        """
        pixels = {job: job.experiment.preprocess.size**2 for job in epoch_costs}
        self._weights = {job: cost * pixels[job] for job, cost in epoch_costs.items()}
        self._finished, self._failed = dict(finished), set[Job]()
        self._clock, self._started = clock, clock()
        self._done_before = sum(self._done(self._running()).values())

    def finish(self, job: Job) -> None:
        """Note that a cell is finished."""
        self._finished[job] = epochs_of(job)

    def fail(self, job: Job) -> None:
        """Note that a cell failed: it is not waited for, nor is what would join it."""
        self._failed.add(job)

    def look(self) -> Standing:
        """Return how far the grid is now."""
        running = self._running()
        done = self._done(running)
        total = sum(done.values())
        left = sum(max(self._expected(job) - done.get(job, 0.0), 0.0) for job in self._waited_for())
        speed = (total - self._done_before) / max(self._clock() - self._started, 1e-9)
        return Standing(
            cells=len(self._weights),
            finished=len(self._finished),
            failed=len(self._failed),
            running=len(running),
            share=total / (total + left) if total + left else 1.0,
            seconds_left=left / speed if speed > 0 else (None if left else 0.0),
        )

    def _waited_for(self) -> list[Job]:
        gone = self._finished.keys() | self._failed
        return [job for job in self._weights if job not in gone and self._failed.isdisjoint(job.joined)]

    def _running(self) -> dict[Job, int]:
        """Return the epochs that begun cells have logged."""
        begun = {job: list(attempts_at(job.folder)) for job in self._waited_for()}
        return {job: max(map(epochs_done, folders)) for job, folders in begun.items() if folders}

    def _done(self, running: Mapping[Job, int]) -> dict[Job, float]:
        return {job: self._weights[job] * epochs for job, epochs in {**self._finished, **running}.items()}

    def _expected(self, job: Job) -> float:
        """Return what a cell will cost: all epochs, less what early stopping has saved the finished ones on average."""
        full = sum(self._weights[done] * done.experiment.optim.epochs for done in self._finished)
        took = sum(self._weights[done] * epochs for done, epochs in self._finished.items())
        return self._weights[job] * job.experiment.optim.epochs * (took / full if took else 1.0)
