"""The work of an ensemble's cell: the networks of several seeds become one, which answers instead of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError
from echoduet.experiments.grid.jobs import Job
from echoduet.experiments.grid.outcome import file_sha256
from echoduet.models.joining import join_bundles
from echoduet.runs import RunFolder

MADE_OF = "made_of"
"""The key of an ensemble's outcome under which the hash of each member's network stands."""


def join_members(job: Job, folder: Path) -> Path:
    """Write the ensemble of the job's members into `folder`; return the bundle.

    Raises:
        ModelError: a member cannot be read.
        OutputError: it cannot be written.
    """
    path = RunFolder(folder).model
    join_bundles([RunFolder(member.folder).model for member in job.joined], path)
    return path


def made_of(job: Job) -> dict[str, Any]:
    """Return which networks the ensemble is made of, for its outcome.

    Raises:
        OutputError: one cannot be read.
    """
    return {MADE_OF: {str(member.seed): file_sha256(RunFolder(member.folder).model) for member in job.joined}}


def require_same_members(ensembles: Sequence[Job], outcomes: Mapping[Job, Mapping[str, Any]]) -> None:
    """Refuse an ensemble of networks that were trained anew, or are gone, since it answered.

    Args:
        ensembles: the finished ones.
        outcomes: of every finished cell.

    Raises:
        OutputError: names the ensemble.
    """
    for job in ensembles:
        model = RunFolder(job.folder).model.name
        now = {str(m.seed): outcomes[m]["files"][model] for m in job.joined if m in outcomes}
        if outcomes[job][MADE_OF] != now:
            raise OutputError(
                f"{job.folder}: joins networks that are not those of its cells any more. Move it away to have it made "
                "again."
            )
