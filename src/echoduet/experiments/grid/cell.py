"""One cell of a grid: train its fold, or join networks; score the part, seal, rename the folder into place."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from echoduet import __version__
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.data.sampling import oversample
from echoduet.errors import EchoDuetError, OutputError
from echoduet.evaluation.cases import write_cases
from echoduet.experiments.evaluate import Scores
from echoduet.experiments.folds import score_part, splits_digest
from echoduet.experiments.grid.attempt import Attempt
from echoduet.experiments.grid.failure import forget_failure, record_error
from echoduet.experiments.grid.jobs import MANIFEST, SPLITS, Job
from echoduet.experiments.grid.joint import join_members, made_of
from echoduet.experiments.grid.outcome import NAME, read_outcome, write_outcome
from echoduet.experiments.grid.provenance import ended, surroundings
from echoduet.experiments.thresholds import tune_if_asked
from echoduet.models.info import read_info
from echoduet.progress import Progress, silent
from echoduet.runs import RunFolder
from echoduet.splits.table import Part, SplitTable, read_splits
from echoduet.training.run import manifest_digest, train_fold


def attempt_cell(job: Job, progress: Progress = silent) -> str | None:
    """Run a cell; return None when it is finished, else the sentence why it is not, which is kept beside its place."""
    try:
        run_cell(job, progress)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this cell's, and the others go on
        return record_error(job, error, platform.node())
    forget_failure(job)
    return None


def run_cell(job: Job, progress: Progress = silent) -> None:
    """Train, or join, and score one cell, from where an earlier attempt stopped.

    Raises:
        OutputError: this is another version than the grid's, another attempt has taken the cell over, or it cannot be
            written.
        EchoDuetError: as `train_fold` and `evaluate`.
    """
    if job.folder.exists():  # finished by an attempt that could not tell any more: its node died
        read_outcome(job.folder, job)
        return
    before = torch.get_num_threads()
    try:
        _run(job, progress)
    finally:
        torch.set_num_threads(before)  # the next cell of this process has a number of its own


def _run(job: Job, progress: Progress) -> None:
    manifest, splits = _data(job)
    if job.threads is not None and job.experiment.runtime.threads is None:
        torch.set_num_threads(job.threads)
    attempt = Attempt.begin(job.folder)
    if not _sealed(attempt.path, job):
        (_join if job.members else _train)(job, manifest, splits, attempt, progress)
    (attempt.path / "checkpoint.pt").unlink(missing_ok=True)  # with the optimiser's state: four times the model
    attempt.publish()


def _data(job: Job) -> tuple[Manifest, SplitTable]:
    if job.version != __version__:
        raise OutputError(
            f"{platform.node()} has EchoDuet {__version__}, the grid was started by {job.version}. Install one version "
            "on all machines."
        )
    manifest, splits = read_manifest(Path(job.out) / MANIFEST), read_splits(Path(job.out) / SPLITS)
    if (manifest_digest(manifest), splits_digest(splits)) != (job.cases_sha256, job.splits_sha256):
        raise OutputError(f"{job.out}: {MANIFEST} or {SPLITS} was changed while the grid ran. Restore it.")
    return manifest, splits


def _sealed(folder: Path, job: Job) -> bool:
    """Tell whether an earlier attempt was killed between its last file and the renaming."""
    if not (folder / NAME).exists():
        return False
    try:
        read_outcome(folder, job)
    except EchoDuetError:
        return False
    return True


def _train(job: Job, manifest: Manifest, splits: SplitTable, attempt: Attempt, progress: Progress) -> None:
    started, watched = time.perf_counter(), attempt.watch(progress)
    where = surroundings(job.experiment.runtime)
    model = train_fold(job.experiment, manifest, splits, job.fold, attempt.path, resume=True, progress=watched)
    _score(job, model, manifest, splits, watched)
    images = epoch_images(job, manifest, splits)
    facts = _facts(attempt.path, images, time.perf_counter() - started)
    write_outcome(attempt.path, job, facts | where | ended())


def _join(job: Job, manifest: Manifest, splits: SplitTable, attempt: Attempt, progress: Progress) -> None:
    where, model = surroundings(job.experiment.runtime), join_members(job, attempt.path)
    _score(job, model, manifest, splits, attempt.watch(progress))
    chosen = dict(read_info(model).thresholds)
    model.unlink()  # the same weights again, which lie in their own cells
    write_outcome(attempt.path, job, made_of(job) | {"thresholds": chosen} | where | ended())


def _score(job: Job, model: Path, manifest: Manifest, splits: SplitTable, progress: Progress) -> None:
    config, sizes = job.experiment, tuple(job.case_files)
    tune_if_asked(config, model, manifest, progress)  # on the validation part, before the test part is touched
    scores = score_part(model, manifest, splits, job.fold, Part(job.part), sizes, progress, config.runtime.device)
    _write_scores(job, model.parent, scores)


def _write_scores(job: Job, folder: Path, scores: Sequence[Scores]) -> None:
    for name, scored in zip(job.case_files.values(), scores, strict=True):
        write_cases(folder / name, scored.raw, scored.refined)


def epoch_images(job: Job, manifest: Manifest, splits: SplitTable) -> int:
    """Return how many images one epoch of the cell trains on, oversampling included."""
    case_ids = splits.ids(job.fold, Part.TRAIN)
    if job.experiment.oversampling == "none":
        return len(case_ids)
    return len(oversample([manifest.case(case_id).label for case_id in case_ids]))


def _facts(folder: Path, images: int, seconds: float) -> dict[str, Any]:
    rows = RunFolder(folder).rows()
    training = sum(row["seconds"] for row in rows)
    return {
        "epochs": len(rows),
        "images": images * len(rows),
        "training_seconds": round(training, 3),
        "images_per_second": round(images * len(rows) / max(training, 1e-9), 3),
        "attempt_seconds": round(seconds, 3),
        "peak_memory_mb": peak_memory_mb(),
        "threads": torch.get_num_threads(),
    }


if sys.platform == "win32":

    def peak_memory_mb() -> int | None:
        """Return None: Windows does not keep it where Python looks."""
        return None

else:
    import resource

    def peak_memory_mb() -> int | None:
        """Return the most memory that this process has held, in MiB (1024 x 1024 bytes)."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)
