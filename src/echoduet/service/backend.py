"""Everything behind the routes of one prediction server, put together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from echoduet.inference.predictor import Predictor
from echoduet.service.documents import Documents
from echoduet.service.frames import read_job
from echoduet.service.jobs import Job, JobStore, Options
from echoduet.service.logs import event
from echoduet.service.metrics import Metrics
from echoduet.service.refusals import RefusedError
from echoduet.service.settings import Settings
from echoduet.service.spool import Spool
from echoduet.service.uploads import Received
from echoduet.service.worker import Worker


class Backend:
    """The model, the jobs, and the threads that work on them.

    Raises:
        ConfigError: no upload can be kept in the spool's folder.
    """

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self.predictor, self.settings = predictor, settings
        self.metrics = Metrics()
        self.spool = Spool(settings.limits, settings.spool)
        self.jobs = JobStore(settings.limits)
        self.documents = Documents(settings.bundle, settings.sha256, predictor.settings())
        self.worker = Worker(predictor, self.jobs, partial(read_job, limits=settings.limits), self.metrics)
        self.uploading = 0
        self.draining = False
        self._describe()

    def _describe(self) -> None:
        metrics, info = self.metrics, self.predictor.info
        metrics.describe_model(
            name=self.settings.model,
            runtime=self.predictor.runtime.name,
            input_size=str(info.config.preprocess.size),
        )
        metrics.watch("queue_requests", "Requests accepted and not yet answered.", lambda: self.jobs.open)
        metrics.watch("queue_pictures", "Pictures read that wait for the network.", lambda: self.worker.waiting)
        metrics.watch("uploads", "Requests whose body is coming in.", lambda: self.uploading)
        metrics.watch("spool_bytes", "Bytes of uploads held.", lambda: self.spool.held)
        metrics.watch("result_bytes", "Bytes of results held.", lambda: self.jobs.held)

    def require_room(self) -> None:
        """Refuse new work where there is no room for it, or no time.

        Raises:
            RefusedError: come again later.
        """
        if self.draining:
            raise RefusedError(503, "ending", "This server is ending. Try again later.", 10)
        if self.uploading >= self.settings.limits.uploads:
            raise RefusedError(503, "uploads", "Too many uploads at this moment. Try again later.", 5)
        self.jobs.require_room()

    def accept(self, files: Sequence[Received], options: Options) -> Job:
        """Take on a request whose files are all here; they are dropped where it is refused.

        Raises:
            RefusedError: come again later.
        """
        try:
            if self.draining:
                raise RefusedError(503, "ending", "This server is ending. Try again later.", 10)
            job = self.jobs.add(files, options)
        except RefusedError:
            for file in files:
                file.content.close()
            raise
        self.worker.add(job)
        return job

    def problems(self) -> list[str]:
        """Return what keeps the server from taking on work; empty where it is ready."""
        found = []
        if not self.worker.alive:
            found.append("a thread has ended")
        if reason := self.spool.problem():
            found.append(f"no upload can be kept ({reason})")
        try:
            self.require_room()
        except RefusedError as refusal:
            found.append(refusal.ground)
        return found

    @property
    def busy(self) -> bool:
        """Whether something is being uploaded, or was accepted and is not done."""
        return bool(self.uploading or self.jobs.open)

    def drain(self) -> None:
        """Take on nothing new."""
        self.draining = True
        event("ending", open=self.jobs.open, unread=self.jobs.unread)

    def give_up(self) -> int:
        """Cancel what is not done; return how many requests that concerns."""
        lost = self.jobs.cancel_open()
        if lost:
            event("given_up", logging.WARNING, requests=lost)
        return lost

    def close(self) -> None:
        """End the threads and drop everything."""
        self.worker.stop()
        self.jobs.clear()
