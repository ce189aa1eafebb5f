"""Cells in processes of this machine, as many at a time as cores and memory allow.

A cell that crashes, or that the system kills for its memory, is that cell's failure and nobody else's.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from echoduet.experiments.grid.budget import Budget
from echoduet.experiments.grid.executor import BEAT_S, Beat, Report
from echoduet.experiments.grid.failure import failure_file, log_file, record_failure
from echoduet.experiments.grid.jobs import Job
from echoduet.experiments.grid.worker import FAILED

WORKER = (sys.executable, "-m", "echoduet.experiments.grid.worker")

LOOK_EVERY_S = 0.1
PATIENCE_S = 5.0
"""How long a process that is told to end may take."""


@dataclass(frozen=True, slots=True)
class Processes:
    """One process a cell, within a budget."""

    budget: Budget

    def run(self, jobs: Sequence[Job], beat: Beat) -> Generator[Report, None, None]:
        """Run the jobs, begun in order; those that run are ended when the caller stops listening."""
        threads = self.budget.threads(jobs)
        waiting, running, beaten = deque(jobs), list[_Worker](), time.monotonic()
        try:
            while waiting or running:
                while waiting and self.budget.has_room([worker.job for worker in running], waiting[0], threads):
                    running.append(_Worker.start(replace(waiting.popleft(), threads=threads)))
                ended = [worker for worker in running if worker.process.poll() is not None]
                for worker in ended:
                    running.remove(worker)
                    yield worker.report()
                if not ended:
                    time.sleep(LOOK_EVERY_S)
                if time.monotonic() - beaten > BEAT_S:
                    beat()
                    beaten = time.monotonic()
        finally:
            for worker in running:
                worker.stop()


@dataclass(frozen=True, slots=True)
class _Worker:
    job: Job
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, job: Job) -> _Worker:
        log = log_file(job)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            process = subprocess.Popen(
                WORKER,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                env=os.environ | {"OMP_NUM_THREADS": str(job.threads)},
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends its workers
            )
        worker = cls(job, process)
        worker._send(job.to_json().encode() + b"\n")
        return worker

    def _send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except BrokenPipeError:
            return  # it died at once: its exit code tells

    def report(self) -> Report:
        """Return how the cell ended."""
        self._close()
        code = self.process.returncode
        if code == 0:
            return Report(self.job)
        if code == FAILED and (told := _told(self.job)):
            return Report(self.job, told)
        sentence = _death(code, self.job)
        record_failure(self.job, sentence, platform.node())
        return Report(self.job, sentence)

    def stop(self) -> None:
        """End the process: closing its stdin is enough, unless it hangs."""
        self._close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _close(self) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            return


def _told(job: Job) -> str | None:
    try:
        return str(json.loads(failure_file(job).read_text(encoding="utf-8"))["failure"])
    except (OSError, ValueError, KeyError):
        return None


def _death(code: int, job: Job) -> str:
    if code >= 0:
        return f"Its process ended with code {code}; {log_file(job)} shows why."
    name = signal.Signals(-code).name
    hint = " Where memory ran out, give less --memory, so that fewer cells run at a time." if name == "SIGKILL" else ""
    return f"Its process was killed by {name}.{hint}"
