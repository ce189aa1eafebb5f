"""`echoduet ablate`: a grid of settings x folds x seeds, each cell a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echoduet.cli.console import console_progress, emit, note, warn
from echoduet.cli.gauge import Gauge, duration
from echoduet.cli.grid_report import write_report
from echoduet.cli.options import (
    DataOption,
    FormatOption,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SplitsOption,
)
from echoduet.errors import ConfigError

if TYPE_CHECKING:
    from echoduet.experiments.grid.ablation import Ablation
    from echoduet.experiments.grid.budget import Budget
    from echoduet.experiments.grid.conduct import Summary
    from echoduet.experiments.grid.cost import SettingCost
    from echoduet.experiments.grid.executor import Executor, Report
    from echoduet.experiments.grid.jobs import Job

GridOption = Annotated[
    Path,
    typer.Option(
        "--config",
        metavar="NAME|FILE",
        help="A shipped grid by name, or a YAML or JSON file with `settings`.",
        show_default=False,
    ),
]


def ablate(
    config: GridOption,
    data: DataOption,
    out: OutOption,
    splits: SplitsOption = None,
    set_: SetOption = None,
    executor: Annotated[
        Literal["serial", "processes", "ray"],
        typer.Option(help="Cells one after another here, in processes beside one another, or on a Ray cluster."),
    ] = "serial",
    cores: Annotated[
        int | None,
        typer.Option(min=1, help="processes: cores for all cells together; all that there are when left out."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="processes: memory for all cells together, as in 12GB.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="ray: the head node; Ray on this machine alone when left out."),
    ] = None,
    gpus: Annotated[
        float, typer.Option(min=0.0, help="ray: GPUs for one cell; 0.25 lets four share one.", show_default=False)
    ] = 0.0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only tell which cells there are, which are finished, and what the rest costs."),
    ] = False,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train and score every setting of a grid on every fold with every seed, and compare its rows in one report.

    The same command run again goes on where it stopped: finished cells are kept, a killed one resumes, a failed one is
    tried again. Settings, rows, seeds and folds may be added to the grid meanwhile.
    """
    from echoduet.config.load_grid import load_grid
    from echoduet.data.manifest import open_data
    from echoduet.experiments.grid.ablation import Ablation
    from echoduet.splits.folds import make_splits, read_splits

    _require_fitting(executor, {"--cores": cores, "--memory": memory, "--address": address, "--gpus": gpus})
    grid = load_grid(config, set_)
    manifest = open_data(data, format_, console_progress())
    split = next(iter(grid.settings.values())).config.split
    table = read_splits(splits) if splits else make_splits(manifest.cases, split)
    ablation = Ablation(grid, manifest, table, out)
    budget = _budget(cores, memory)
    if memory is not None:
        _tell_oversized(ablation, budget)
    chosen = engine(executor, budget, address, gpus)
    if dry_run:
        tell_cost(ablation, budget, executor)
    else:
        run(ablation, chosen)


def _require_fitting(executor: str, given: dict[str, object]) -> None:
    """Refuse an option that the chosen executor would ignore."""
    belongs = {"--cores": "processes", "--memory": "processes", "--address": "ray", "--gpus": "ray"}
    for option, value in given.items():
        if value and belongs[option] != executor:
            raise ConfigError(
                f"{option}: is for --executor {belongs[option]}, and would be ignored here. Leave it out."
            )


def _budget(cores: int | None, memory: str | None) -> Budget:
    from echoduet.experiments.grid.budget import Budget, own_cores, parse_memory

    return Budget(cores or own_cores(), None if memory is None else parse_memory(memory))


def _tell_oversized(ablation: Ablation, budget: Budget) -> None:
    """Say which settings take more memory than all cells together may: they run alone."""
    from echoduet.experiments.grid.budget import cell_memory

    ablation.require_runnable()
    for name in ablation.grid.trained:
        needed = cell_memory(ablation.grid.settings[name].config)
        if budget.memory is not None and needed > budget.memory:
            warn(f"{name}: a cell takes about {needed / 1e9:.1f} GB, more than --memory; it runs, with none beside it.")


def engine(name: str, budget: Budget, address: str | None, gpus: float) -> Executor:
    """Return what runs the cells, or refuse it while nothing is written yet."""
    from echoduet.experiments.grid.executor import Serial
    from echoduet.experiments.grid.processes import Processes
    from echoduet.experiments.grid.ray_cluster import RayCluster

    if name == "serial":
        return Serial()
    if name == "processes":
        return Processes(budget)
    cluster = RayCluster(address, gpus)
    cluster.require_usable()
    return cluster


def run(ablation: Ablation, executor: Executor) -> None:
    """Run the grid and say how it ended; leave with 1 where a cell failed."""
    from echoduet.experiments.grid.conduct import conduct
    from echoduet.experiments.grid.reported import not_run

    with Gauge() as gauge:
        summary = conduct(ablation, executor, gauge.show, _tell)
    missing, report = not_run(ablation.out), write_report(ablation)
    lines = _summary_lines(ablation, summary, missing) + (f"\nreport: {report}" if report else "")
    emit(_result(ablation, summary, missing) | {"report": report}, lines)
    if summary.failures:
        raise typer.Exit(1)


def _tell(report: Report) -> None:
    if report.failure is None:
        note(f"{report.job.name}: finished")
    else:
        warn(f"{report.job.name}: {report.failure}")


def _result(ablation: Ablation, summary: Summary, missing: tuple[str, ...]) -> dict[str, Any]:
    failures = [report.job.key | {"failure": report.failure} for report in summary.failures]
    return {
        "out": ablation.out,
        "cells": len(ablation.cells),
        "finished_before": summary.before,
        "finished_now": summary.now,
        "failures": failures,
        "rows": ablation.out / "rows.csv",
        "rows_not_run": list(missing),
    }


def _summary_lines(ablation: Ablation, summary: Summary, missing: tuple[str, ...]) -> str:
    done = summary.before + summary.now
    lines = [f"{done} of {len(ablation.cells)} cells finished, {summary.now} of them now"]
    if summary.failures:
        lines.append(f"{len(summary.failures)} cells failed; the same command tries them again:")
        lines += [f"  {report.job.name}: {report.failure}" for report in summary.failures]
    if missing:
        lines.append(f"not run yet: {', '.join(missing)}")
    return "\n".join([*lines, f"rows: {ablation.out / 'rows.csv'}"])


def tell_cost(ablation: Ablation, budget: Budget, executor: str) -> None:
    """Print the grid, what of it is finished, and what the rest costs; nothing is written."""
    from dataclasses import asdict

    from echoduet.experiments.grid.cost import estimate

    ablation.require_runnable()
    finished = ablation.finished()
    waiting = [job for job in ablation.jobs if job not in finished]
    at_a_time, threads = _shares(budget, executor, waiting)
    costs = estimate(ablation, finished, threads)
    hours = sum(cost.hours for cost in costs.values())
    result = {"grid": ablation.grid.name, "cells": len(ablation.jobs), "hours_one_at_a_time": hours} | {
        "cells_at_a_time": at_a_time,
        "threads_per_cell": threads,
        "settings": {name: asdict(cost) for name, cost in costs.items()},
    }
    emit(result, _cost_lines(ablation, costs, at_a_time, threads))


def _shares(budget: Budget, executor: str, waiting: list[Job]) -> tuple[int, int]:
    """Return how many cells run at a time, and the threads of each; how many a Ray cluster takes is not known here."""
    if executor == "processes":
        threads = budget.threads(waiting)
        return max(1, budget.cores // threads), threads
    fixed = next((job.experiment.runtime.threads for job in waiting), None)
    return 1, fixed or (1 if executor == "ray" else budget.cores)


def _cost_lines(ablation: Ablation, costs: dict[str, SettingCost], at_a_time: int, threads: int) -> str:
    grid, width = ablation.grid, max(map(len, costs))
    images, hours = sum(cost.images for cost in costs.values()), sum(cost.hours for cost in costs.values())
    lines = [
        f"{grid.name}: {len(grid.trained)} settings x {len(ablation.folds)} folds x {len(grid.seeds)} seeds = "
        f"{len(ablation.jobs)} cells, scored on the {grid.part} part",
        f"folds {', '.join(map(str, ablation.folds))}; seeds {', '.join(map(str, grid.seeds))}; "
        f"reported: {', '.join(grid.rows)}",
    ]
    lines += [f"{name:{width}}  {_cost_line(cost)}" for name, cost in costs.items()]
    if ablation.joining:
        lines.append(f"and {len(ablation.joining)} cells that answer with these networks, which train nothing")
    lines += [
        f"left: {images:,} images, at most {duration(hours * 3600)} of one cell at a time with {threads} threads",
        f"with {at_a_time} cells at a time, if they do not slow one another: {duration(hours * 3600 / at_a_time)}",
        "Estimated: images x epochs over images a second, a validated image at a third; early stopping ends sooner.",
    ]
    return "\n".join(lines)


def _cost_line(cost: SettingCost) -> str:
    return (
        f"{cost.finished}/{cost.cells} finished, <= {cost.epochs} epochs of {cost.images_per_epoch:.0f} images, "
        f"{cost.speed.images_per_second:.1f} images/s ({cost.speed.source}), {duration(cost.hours * 3600)}"
    )
