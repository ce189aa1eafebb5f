"""A cell that failed: one sentence in `fold_K.failure.json` beside its place, the traceback in `fold_K.log`."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path

from echoduet.errors import EchoDuetError
from echoduet.experiments.grid.jobs import Job
from echoduet.files import write_json


def failure_file(job: Job) -> Path:
    """Return where a failure of the cell is told."""
    return job.folder.with_name(f"{job.folder.name}.failure.json")


def log_file(job: Job) -> Path:
    """Return where the cell's traceback, and what its process said, are kept."""
    return job.folder.with_name(f"{job.folder.name}.log")


def record_error(job: Job, error: Exception, node: str) -> str:
    """Keep an error of a cell, its traceback included; return the sentence."""
    log = log_file(job)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as stream:
        stream.writelines(traceback.format_exception(error))
    sentence = _sentence(error, log)
    record_failure(job, sentence, node)
    return sentence


def record_failure(job: Job, sentence: str, node: str) -> None:
    """Keep why a cell failed."""
    written = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(failure_file(job), job.key | {"failure": sentence, "node": node, "when": written})


def forget_failure(job: Job) -> None:
    """Remove what was kept of earlier failures: the cell is finished."""
    for path in (failure_file(job), log_file(job)):
        path.unlink(missing_ok=True)


def _sentence(error: Exception, log: Path) -> str:
    if isinstance(error, EchoDuetError):
        return str(error)
    # torch has its own out-of-memory error.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "Out of memory. Run fewer cells at a time (--memory), or set a smaller optim.batch_size."
    first_line = " ".join(str(error).split())[:300]
    return f"Unexpected {type(error).__name__}: {first_line} ({log.name} shows where)"
