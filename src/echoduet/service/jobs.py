"""What was asked for, how far it is, and the results that are kept for a while."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError, missing
from echoduet.service.results import Kept, Place, failed
from echoduet.service.schemas import Status
from echoduet.service.uploads import Received

RESERVE = 10
"""A tenth of the bytes for results is to be free before a request is accepted."""


@dataclass(frozen=True, slots=True)
class Options:
    """How pictures are analysed: the switches of `Predictor.analyse`."""

    refuse: bool = True
    explain: bool = False
    uncertain: bool = True


@dataclass(slots=True)
class Job:
    """One request for predictions. Its store guards what changes in it.

    Attributes:
        files: what was sent; their content is dropped once it was read.
        options: how the pictures are analysed.
        id: unguessable.
        results: by number, those that are done.
        frames_total: None until every file was opened.
        settled: done, given up, or known to be too long to be waited for.
        read: whether its results were asked for after it was done.
    """

    files: Sequence[Received]
    options: Options
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    status: Status = Status.QUEUED
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    frames_total: int | None = None
    results: dict[int, Kept] = field(default_factory=dict)
    settled: Future[None] = field(default_factory=Future)
    size: int = 0
    read: bool = False
    touched: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in (Status.DONE, Status.CANCELLED)

    def in_order(self, start: int = 0) -> list[Kept]:
        """Return the results so far, from a number on."""
        results = dict(self.results)  # others may add to it meanwhile
        return [results[index] for index in sorted(results) if index >= start]


class JobStore:
    """Every job that is known: a bounded number waiting, a bounded number of bytes kept.

    Args:
        limits: the bounds.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()  # the one longest not asked for first
        self._open = 0
        self.held = 0

    @property
    def open(self) -> int:
        """How many are accepted and not over."""
        return self._open

    @property
    def unread(self) -> int:
        """How many are over, with results that nobody has asked for yet."""
        with self._lock:
            return sum(job.status is Status.DONE and not job.read for job in self._jobs.values())

    def require_room(self) -> None:
        """Refuse a request where too many wait, or where the results that nobody read yet fill the memory.

        Raises:
            RefusedError: come again later.
        """
        with self._lock:
            if self._open >= self._limits.queue:
                raise RefusedError(503, "queue_full", "Too many requests are waiting. Try again later.", 5)
            reserve = self._limits.result_bytes // RESERVE
            self._make_room(reserve)
            if self.held + reserve > self._limits.result_bytes:
                raise RefusedError(503, "results_full", "Too many results wait to be fetched. Try again later.", 30)

    def add(self, files: Sequence[Received], options: Options) -> Job:
        """Accept a request.

        Raises:
            RefusedError: as `require_room`.
        """
        with self._lock:
            self.require_room()
            job = Job(files, options)
            self._jobs[job.id] = job
            self._open += 1
            return job

    def get(self, job_id: str) -> Job:
        """Return a job, which is from now on kept for the whole time again.

        Raises:
            RefusedError: there is none of that id, or no longer.
        """
        with self._lock:
            self.sweep()
            job = self._jobs.get(job_id)
            if job is None:
                raise missing("job")
            job.touched = time.monotonic()
            self._jobs.move_to_end(job_id)
            return job

    def begin(self, job: Job, frames_total: int) -> None:
        """Note that the files of a job were opened, and how many frames they have."""
        with self._lock:
            if job.over:
                return
            job.status, job.frames_total = Status.RUNNING, frames_total
            if frames_total > self._limits.sync_frames:
                _settle(job)
            self._finish_if_complete(job)

    def put(self, job: Job, kept: Kept) -> None:
        """Add a result to its job; the job is done with its last one.

        Where the results that are kept would outgrow their bound, this one is noted as failed.
        """
        with self._lock:
            if job.over:
                return
            self._make_room(kept.size)
            if self.held + kept.size > self._limits.result_bytes:
                kept = _without_room(kept)
            job.results[kept.body.index] = kept
            self.grow(job, kept.size)
            self._finish_if_complete(job)

    def grow(self, job: Job, count: int) -> None:
        """Count more bytes, or fewer, as held by a job."""
        with self._lock:
            job.size += count
            if job.id in self._jobs:
                self.held += count

    def forget(self, job: Job) -> None:
        """Drop a job with all its results; what has not been read of it is not read any more."""
        with self._lock:
            if self._jobs.pop(job.id, None) is None:
                return
            self.held -= job.size
            self._close(job, Status.CANCELLED)
            job.results.clear()

    def cancel_open(self) -> int:
        """Give up everything that is not over, and return how many that were."""
        with self._lock:
            waiting = [job for job in self._jobs.values() if not job.over]
            for job in waiting:
                self._close(job, Status.CANCELLED)
            return len(waiting)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            for job in list(self._jobs.values()):
                self.forget(job)

    def sweep(self) -> None:
        """Forget what nobody has asked for for too long."""
        with self._lock:
            oldest = time.monotonic() - self._limits.keep_seconds
            for job in [job for job in self._jobs.values() if job.over and job.touched < oldest]:
                self.forget(job)

    def _make_room(self, needed: int) -> None:
        """Forget jobs whose results were read, the longest untouched first, until so many bytes are free."""
        self.sweep()
        for job in list(self._jobs.values()):
            if self.held + needed <= self._limits.result_bytes:
                return
            if job.read and job.over:
                self.forget(job)

    def _finish_if_complete(self, job: Job) -> None:
        if job.frames_total is not None and len(job.results) >= job.frames_total:
            self._close(job, Status.DONE)

    def _close(self, job: Job, status: Status) -> None:
        if not job.over:
            job.status, job.finished = status, datetime.now(UTC)
            self._open -= 1
        _settle(job)


def _settle(job: Job) -> None:
    if not job.settled.done():
        job.settled.set_result(None)


def _without_room(kept: Kept) -> Kept:
    body = kept.body
    place = Place(body.index, body.file, body.name, body.frame)
    return failed(place, "Too many results are held to keep this one as well. Ask for fewer at a time.", False)
