"""The threads behind the server: some read pictures, one runs the network, some draw the results."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from echoduet.errors import EchoDuetError
from echoduet.inference.predictor import Predictor
from echoduet.records import Analysis
from echoduet.service.frames import Step, Task
from echoduet.service.jobs import Job, JobStore
from echoduet.service.logs import describe, event
from echoduet.service.metrics import Metrics
from echoduet.service.results import Kept, answered, failed

READERS, DRAWERS = 2, 2
"""How many threads read pictures, and how many draw results."""

PIXELS_AHEAD = 50_000_000
"""So many pixels are held decoded before the network; a picture more, where one is larger by itself."""


class Worker:
    """Analyses the pictures of all jobs, a picture of each in turn, so that a long job holds up no short one.

    Only one thread calls the predictor. Pictures that wait together go through the network together, whichever jobs
    they are of. The pictures read ahead are bounded in number and size.

    Args:
        predictor: the model.
        store: where jobs and results are kept.
        read: gives the pictures of a job.
        metrics: counts what is done.
    """

    def __init__(
        self, predictor: Predictor, store: JobStore, read: Callable[[Job], Iterator[Step]], metrics: Metrics
    ) -> None:
        self._predictor = predictor
        self._store = store
        self._read = read
        self._metrics = metrics
        self._changed = threading.Condition()
        self._unread: deque[tuple[Job, Iterator[Step]]] = deque()
        self._ready: deque[Task] = deque()
        self._pixels = 0
        self._closed = False
        self._drawing = threading.Semaphore(2 * predictor.batch_size)
        self._drawers = ThreadPoolExecutor(DRAWERS, "draw")
        self._threads = [threading.Thread(target=self._read_on, name="read", daemon=True) for _ in range(READERS)]
        self._threads.append(threading.Thread(target=self._predict_on, name="predict", daemon=True))

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; what they have not begun stays undone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._drawers.shutdown()
        for job, steps in self._unread:
            _drop(job, steps)

    @property
    def alive(self) -> bool:
        """Whether every thread runs."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def waiting(self) -> int:
        """How many pictures are read and wait for the network."""
        return len(self._ready)

    def add(self, job: Job) -> None:
        """Take on a job."""
        with self._changed:
            self._unread.append((job, self._read(job)))
            self._changed.notify_all()

    def _read_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or (self._unread and self._has_room()))
                if self._closed:
                    return
                job, steps = self._unread.popleft()
            step = None if job.over else next(steps, None)
            if step is None:
                _drop(job, steps)
                continue
            self._take(job, step)
            with self._changed:
                self._unread.append((job, steps))
                self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._ready) < 2 * self._predictor.batch_size and self._pixels < PIXELS_AHEAD

    def _take(self, job: Job, step: Step) -> None:
        if isinstance(step, int):
            self._store.begin(job, step)
        elif isinstance(step, Kept):
            self._keep(job, step)
        else:
            with self._changed:
                self._ready.append(step)
                self._pixels += step.scan.image.size
                self._changed.notify_all()

    def _predict_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._ready)
                if self._closed:
                    return
                batch = self._next_batch()
                self._changed.notify_all()
            if not batch:
                continue
            with self._metrics.batch(len(batch)):
                outcomes = self._analyse(batch)
            for task, outcome in zip(batch, outcomes, strict=True):
                self._drawing.acquire()
                self._drawers.submit(self._draw, task, outcome)

    def _next_batch(self) -> list[Task]:
        """Take pictures that are to be analysed in one way; an explanation takes so long that it goes alone."""
        options = self._ready[0].job.options
        most = 1 if options.explain else self._predictor.batch_size
        batch: list[Task] = []
        while self._ready and len(batch) < most and self._ready[0].job.options == options:
            task = self._ready.popleft()
            self._pixels -= task.scan.image.size
            if not task.job.over:
                batch.append(task)
        return batch

    def _analyse(self, batch: Sequence[Task]) -> list[Analysis | Exception]:
        options = batch[0].job.options
        scans = [task.scan for task in batch]
        try:
            return list(
                self._predictor.analyse(
                    scans, refuse=options.refuse, explain=options.explain, uncertain=options.uncertain
                )
            )
        except Exception as error:  # noqa: BLE001  # the thread must live on, whatever one picture brings about
            if len(batch) > 1:  # the others of the batch are not to blame
                return [outcome for task in batch for outcome in self._analyse([task])]
            event("analysis_failed", logging.ERROR, **describe(error))
            return [error]

    def _draw(self, task: Task, outcome: Analysis | Exception) -> None:
        try:
            self._keep(task.job, self._result(task, outcome))
        finally:
            self._drawing.release()

    def _result(self, task: Task, outcome: Analysis | Exception) -> Kept:
        if isinstance(outcome, Exception):
            told = (
                str(outcome)
                if isinstance(outcome, EchoDuetError)
                else "the analysis failed, by a fault of this server."
            )
            return failed(task.place, f"{task.place.name}: {told}", by_input=False)
        try:
            return answered(task.place, outcome, task.header)
        except Exception as error:  # noqa: BLE001  # the job must end, whatever one picture brings about
            event("drawing_failed", logging.ERROR, **describe(error))
            return failed(task.place, f"{task.place.name}: no result could be made, by a fault of this server.", False)

    def _keep(self, job: Job, kept: Kept) -> None:
        self._metrics.picture(kept.body)
        self._store.put(job, kept)


def _drop(job: Job, steps: Iterator[Step]) -> None:
    """Let go of a job's reading, and of its files, whether reading had begun or not."""
    if isinstance(steps, Generator):
        steps.close()
    for file in job.files:
        file.content.close()
