"""What `echoduet ablate` says of its rows once some are whole: the tables, tests and page of `echoduet compare`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoduet.cli.console import warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from echoduet.evaluation.cases import CaseScore
    from echoduet.experiments.comparison.arms import Arm
    from echoduet.experiments.grid.ablation import Ablation

VALIDATION = "These are scores of validation parts: they serve to choose among settings, and are no test of any."


def write_report(ablation: Ablation) -> Path | None:
    """Write table, comparisons and report of the rows that are whole; return the report, None where there is none.

    Raises:
        OutputError: a file cannot be written.
    """
    from echoduet.cli.results import provenance
    from echoduet.errors import PairingError
    from echoduet.experiments.comparison.arms import on_common_seeds, paired
    from echoduet.experiments.grid.reported import not_run, on_papers_folds, read_arms
    from echoduet.reporting.comparison import ReportContext, write_comparison

    out, grid = ablation.out, ablation.grid
    whole = read_arms(out)
    if not whole:
        return None
    try:
        arms, told = on_common_seeds(whole)
    except PairingError as error:  # how the cells ended must be told all the same
        warn(f"No report was written. {error}")
        return None
    warnings = [told] if told else []
    if grid.part == "val":
        arms, warnings = tuple(map(fold_by_fold, arms)), [VALIDATION, *warnings]
    context = ReportContext(
        title=grid.description or grid.name,
        papers_folds=on_papers_folds(out),
        not_run=not_run(out),
        curves=_curves(ablation, arms),
        warnings=warnings,
        meta={"grid": grid.name, "part": grid.part, "scored_at": str(grid.at_sizes[0])} | provenance({}),
    )
    write_comparison(out, paired(arms), context)
    return out / "report.html"


def fold_by_fold(arm: Arm) -> Arm:
    """Return the arm with an image that several folds validate standing once for each, tied to itself."""

    def apart(seed: int) -> tuple[CaseScore, ...]:
        rows = arm.rows[seed]
        return tuple(replace(r, case_id=f"{r.case_id}, fold {r.fold}", group=r.group or r.case_id) for r in rows)

    return replace(arm, rows={seed: apart(seed) for seed in arm.rows})


def _curves(ablation: Ablation, arms: Sequence[Arm]) -> dict[str, tuple[Sequence[Mapping[str, Any]], ...]]:
    from echoduet.experiments.comparison.arm_files import read_curves

    places = {job.setting: job.folder.parent.parent for job in ablation.jobs}
    rows = ablation.grid.rows.items()  # each setting's curves once: what refines or joins its networks trains nothing
    alone = {n: row.settings[0] for n, row in rows if len(row.settings) == 1 and not (row.refined or row.ensemble)}
    trained = {name: places[setting] for name, setting in alone.items() if setting in places}
    return {arm.name: read_curves(trained[arm.name]) for arm in arms if arm.name in trained}
