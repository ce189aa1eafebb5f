"""The one thread that predicts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from echoduet.data.dicom.source import open_dicom
from echoduet.data.uploads import Upload
from echoduet.dicom.identity import Algorithm, Kind
from echoduet.dicom.instances import encoded
from echoduet.dicom.node.jobs import Job, Jobs, Output
from echoduet.dicom.node.journal import Journal, short
from echoduet.dicom.node.loop import Loop
from echoduet.dicom.node.settings import Settings
from echoduet.dicom.node.spool import Spool
from echoduet.dicom.outputs import Created, create
from echoduet.errors import EchoDuetError
from echoduet.records import Analysis, Scan

_NAME = "instance"


class Analyses(Protocol):
    """What the worker needs of a predictor."""

    def analyse(self, scans: Iterable[Scan]) -> Iterator[Analysis]:
        """Yield the analysis of each scan, in order."""
        ...


class _AbandonedError(Exception):
    """The job at hand is left because the node must stop now."""


@dataclass
class _Tally:
    frames: int = 0
    refused: int = 0


class Worker(Loop):
    """Predicts one instance after the other and enters what is to be sent."""

    def __init__(
        self,
        predictor: Analyses,
        algorithm: Algorithm,
        jobs: Jobs,
        spool: Spool,
        settings: Settings,
        journal: Journal,
        predicted: Callable[[], None],
    ) -> None:
        """Work through `jobs`; `predicted` is called when there is something to send."""
        super().__init__("worker", journal)
        self._predictor = predictor
        self._algorithm = algorithm
        self._jobs = jobs
        self._spool = spool
        self._kinds: frozenset[Kind] = settings.kinds
        self._destinations = [peer.name for peer in settings.send_to]
        self._most_attempts = settings.patience.attempts
        self._predicted = predicted
        self._abandoned = threading.Event()
        self._open: Job | None = None

    def abandon(self) -> None:
        """Leave the job at hand before its next frame; it is predicted after the next start."""
        self.stop()
        self._abandoned.set()

    def step(self) -> bool:
        """Predict the next job, if there is one."""
        if self._open is not None:  # the disk refused what was made of it
            self._jobs.put_back(self._open)
            self._open = None
        job = self._open = self._jobs.claim()
        if job is None:
            return False
        self._predict(job)
        self._open = None
        return True

    def _predict(self, job: Job) -> None:
        begun = time.monotonic()
        try:
            outputs, tally = self._outputs(job)
        except _AbandonedError:
            self._jobs.put_back(job)
            self.journal.tell("abandoned", job=job.number)
        except EchoDuetError as error:
            self._fail(job, str(error), again=False)
        except FileNotFoundError:
            self._fail(job, "its file in the spool is gone", again=False)
        except OSError:
            raise  # a full disk: no fault of the job
        except Exception as error:  # noqa: BLE001 - one instance must not end the node; what went wrong is kept with it
            self._fail(job, f"unexpected {type(error).__name__}", again=job.attempts < self._most_attempts)
        else:
            self._jobs.finish(job, outputs, self._destinations)
            seconds = round(time.monotonic() - begun, 3)
            self.journal.tell(
                "predicted",
                job=job.number,
                instance=short(job.instance),
                frames=tally.frames,
                refused=tally.refused,
                outputs=len(outputs),
                seconds=seconds,
            )
            self._predicted()

    def _fail(self, job: Job, error: str, again: bool) -> None:
        self._jobs.fail(job, error, again)
        # The sentence may hold a UID, which stays in the queue and out of the log.
        self.journal.tell(
            "prediction_failed",
            "error",
            job=job.number,
            instance=short(job.instance),
            attempt=job.attempts,
            again=again,
        )

    def _outputs(self, job: Job) -> tuple[list[Output], _Tally]:
        tally = _Tally()
        with self._spool.path(job.file).open("rb") as stream:
            source = open_dicom(Upload(stream, f"job {job.number}"), _NAME)
            analyses = self._counted(self._predictor.analyse(self._heeding(source.scans())), tally)
            created = create(source.dataset, analyses, self._algorithm, self._kinds)
            return self._written(created), tally

    def _heeding(self, scans: Iterator[Scan]) -> Iterator[Scan]:
        for scan in scans:
            if self._abandoned.is_set():
                raise _AbandonedError
            yield scan

    @staticmethod
    def _counted(analyses: Iterator[Analysis], tally: _Tally) -> Iterator[Analysis]:
        for analysis in analyses:
            tally.frames += 1
            tally.refused += analysis.refined is None
            yield analysis

    def _written(self, created: Iterable[Created]) -> list[Output]:
        """Write what was made, all of it or nothing."""
        outputs: list[Output] = []
        try:
            for one in created:
                file = self._spool.write(encoded(one.dataset))
                made = one.dataset
                outputs.append(Output(str(one.kind), str(made.SOPClassUID), str(made.SOPInstanceUID), file))
        except BaseException:
            self._spool.remove(output.file for output in outputs)
            raise
        return outputs
