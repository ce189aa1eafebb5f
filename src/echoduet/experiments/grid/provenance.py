"""`cells.csv`: what each finished cell was made on and with, for when the cells are gone."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from echoduet.config.schema import RuntimeConfig
from echoduet.experiments.grid.ablation import Ablation
from echoduet.experiments.grid.jobs import Job
from echoduet.files import write_csv
from echoduet.runs import RunFolder, git_revision, processor
from echoduet.training.step import choose_device

NAME = "cells.csv"

SURROUNDINGS = ("device", "torch", "git_revision", "finished")
"""The columns that every cell fills; the name of a machine is nobody's business and stays in the cell."""

MEASURED = ("epochs", "images", "training_seconds", "images_per_second", "peak_memory_mb", "threads")
"""The columns that a cell which trains nothing leaves empty."""

COLUMNS = ("setting", "seed", "fold", *SURROUNDINGS, *MEASURED, "model_sha256")


def surroundings(runtime: RuntimeConfig) -> dict[str, str | None]:
    """Return what a cell is made on and with: GPU or processor, torch, this program's git revision.

    To be asked before the cell is begun: by its end the checkout may be another commit than the one at work.

    Raises:
        TrainingError: `cuda` is asked for and there is none.
    """
    device = choose_device(runtime)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {"device": name, "torch": torch.__version__, "git_revision": git_revision()}


def ended() -> dict[str, str]:
    """Return where and when a cell has ended."""
    return {"node": platform.node(), "finished": datetime.now(UTC).isoformat(timespec="seconds")}


def write_cells(ablation: Ablation, finished: Mapping[Job, Mapping[str, Any]]) -> Path:
    """Write one row per finished cell, in the order of the grid.

    A cell that was stopped and went on is told as its last attempt was. What an outcome does not tell stays empty.

    Args:
        ablation: the grid and its folder.
        finished: the outcome of every finished cell.

    Raises:
        OutputError: the file cannot be written.
    """
    path = ablation.out / NAME
    write_csv(path, COLUMNS, (_row(job, finished[job]) for job in ablation.cells if job in finished))
    return path


def _row(job: Job, outcome: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: outcome.get(name) for name in (*SURROUNDINGS, *MEASURED)}
    model = outcome["files"].get(RunFolder(job.folder).model.name)
    return {"setting": job.setting, "seed": job.seeds, "fold": job.fold, **told, "model_sha256": model}
