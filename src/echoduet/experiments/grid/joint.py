"""The work of a cell that trains nothing: networks of other cells, several as one, answer as its setting says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError
from echoduet.experiments.grid.jobs import Job
from echoduet.files import file_sha256
from echoduet.models.joining import join_bundles
from echoduet.runs import RunFolder

MADE_OF = "made_of"
"""The key of such a cell's outcome under which the hash of each network stands, by its seed."""


def join_members(job: Job, folder: Path) -> Path:
    """Write the networks that answer as one bundle into `folder`, with the job's configuration; return it.

    Thresholds are the job's to choose: those of its members stay where they were chosen.

    Raises:
        ModelError: a member cannot be read.
        OutputError: it cannot be written.
    """
    path = RunFolder(folder).model
    join_bundles([RunFolder(m.folder).model for m in job.joined], path, thresholds={}, config=job.experiment)
    return path


def made_of(job: Job) -> dict[str, Any]:
    """Return which networks answer in the cell, for its outcome.

    Raises:
        OutputError: one cannot be read.
    """
    return {MADE_OF: {str(member.seed): file_sha256(RunFolder(member.folder).model) for member in job.joined}}


def require_same_members(joining: Sequence[Job], outcomes: Mapping[Job, Mapping[str, Any]]) -> None:
    """Refuse answers of networks that were trained anew, or are gone, since they answered.

    Args:
        joining: the finished cells that train nothing.
        outcomes: of every finished cell.

    Raises:
        OutputError: names the cell.
    """
    for job in joining:
        model = RunFolder(job.folder).model.name
        now = {str(m.seed): outcomes[m]["files"][model] for m in job.joined if m in outcomes}
        if outcomes[job][MADE_OF] != now:
            raise OutputError(
                f"{job.folder}: was answered by networks that are not those of their cells any more. Move it away to "
                "have it made again."
            )
