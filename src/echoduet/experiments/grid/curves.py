"""`curves.csv`: what every finished cell logged while it was trained, for when the cells are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from echoduet.experiments.grid.ablation import Ablation
from echoduet.experiments.grid.jobs import Job
from echoduet.files import write_csv
from echoduet.runs import RunFolder

NAME = "curves.csv"

MEASURED = ("train_loss", "validation_loss", "validation_accuracy", "validation_lesion_dice")
"""The columns that a cell of one task leaves empty where they are the other task's."""

COLUMNS = ("setting", "seed", "fold", "epoch", *MEASURED, "seconds")


def write_curves(ablation: Ablation, finished: Sequence[Job]) -> Path:
    """Write one row per epoch of every finished cell that was trained, in the order of the grid.

    Raises:
        OutputError: the file cannot be written.
    """
    done = set(finished)
    path = ablation.out / NAME
    write_csv(path, COLUMNS, (row for job in ablation.jobs if job in done for row in _rows(job)))
    return path


def _rows(job: Job) -> Iterator[dict[str, Any]]:
    for logged in RunFolder(job.folder).rows():
        parts = {"train": logged.get("train", {}), "validation": logged.get("validation", {})}
        measured = {f"{part}_{name}": value for part, values in parts.items() for name, value in values.items()}
        yield {
            **job.key,
            **{name: logged[name] for name in ("epoch", "seconds")},
            **{name: measured.get(name) for name in MEASURED},
        }
