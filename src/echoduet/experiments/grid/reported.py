"""From finished cells to `rows.csv`, and from there to the rows of the table: what is left when the cells are gone."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from echoduet.config.complaints import describe
from echoduet.config.grid import Grid, Row
from echoduet.errors import OutputError
from echoduet.evaluation.cases import CaseScore, read_cases
from echoduet.evaluation.combination import combine_all, refine_score
from echoduet.experiments.comparison.arms import Arm
from echoduet.experiments.grid.ablation import HEAD, Ablation, read_head, require_unchanged_rows
from echoduet.experiments.grid.curves import write_curves
from echoduet.experiments.grid.jobs import Job, case_file, joint_seeds
from echoduet.experiments.grid.provenance import write_cells
from echoduet.files import file_sha256, write_csv, write_json

KEYS = ("setting", "seed", "part")
"""The columns of `rows.csv` before those of a cell's `cases.csv`, which tell the fold."""

Scores = tuple[CaseScore, ...]

Tables = Mapping[tuple[str, str], tuple[Scores, Scores]]


def write_rows(ablation: Ablation, finished: Mapping[Job, Mapping[str, Any]]) -> tuple[Path, ...]:
    """Write the rows of the finished cells, one file per scored size, what they logged and what they were made on.

    The hashes of these files go to `ablation.json`. Within a setting and seed the rows stand in the order of the
    manifest, then of the folds.

    Args:
        ablation: the grid and its folder.
        finished: the outcome of every finished cell.

    Raises:
        OutputError: a file cannot be written.
    """
    write_json(ablation.out / HEAD, ablation.head())  # without hashes: a kill from here on must not look like an edit
    place = {case.case_id: position for position, case in enumerate(ablation.manifest)}
    names = row_files(ablation.grid)
    for name, cell_file in names.items():
        rows = [row for job in finished for row in _rows(job, cell_file)]
        order = {setting: position for position, setting in enumerate(ablation.grid.settings)}
        rows.sort(key=lambda row: (order[row["setting"]], _seeds(row), place[row["case_id"]], row["fold"]))
        write_csv(ablation.out / name, list(rows[0]) if rows else list(KEYS), rows)
    others = write_curves(ablation, list(finished)), write_cells(ablation, finished)
    hashes = {name: file_sha256(ablation.out / name) for name in (*names, *(path.name for path in others))}
    write_json(ablation.out / HEAD, ablation.head() | {"rows": hashes})
    return tuple(ablation.out / name for name in names)


def row_files(grid: Grid) -> dict[str, str]:
    """Return the files of rows in a grid's folder, each with the file of a cell that it gathers."""
    sizes = [None if size == "native" else int(size) for size in grid.at_sizes]
    firsts = [size == sizes[0] for size in sizes]
    return {case_file(s, f, "rows"): case_file(s, f) for s, f in zip(sizes, firsts, strict=True)}


def _rows(job: Job, name: str) -> Iterator[dict[str, Any]]:
    with (job.folder / name).open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield {"setting": job.setting, "seed": job.seeds, "part": job.part} | row | {"fold": int(row["fold"])}


def _seeds(row: Mapping[str, Any]) -> tuple[int, list[int]]:
    """Return what rows of one setting are sorted by: single seeds first, then ensembles."""
    seeds = [int(seed) for seed in row["seed"].split("+")]
    return len(seeds), seeds


def read_arms(out: Path, size: int | str | None = None) -> tuple[Arm, ...]:
    """Return the reported rows of a grid, in the table's order, each with the seeds that are whole.

    A row without a whole seed is left out; `not_run` names it. Only `ablation.json` and the files of rows are read.

    Args:
        out: the grid's folder.
        size: "native" or a number, one of the grid's `at_sizes`; None for the first, which is reported.

    Raises:
        OutputError: there is no grid, it has no rows of that size, or they were changed after they were written.
    """
    grid, tables = _read(out, size)
    arms = (Arm(name, _per_seed(grid, row, tables)) for name, row in grid.rows.items())
    return tuple(arm for arm in arms if arm.rows)


def not_run(out: Path) -> tuple[str, ...]:
    """Return the reported rows that have no whole seed yet, in the table's order; see `read_arms`."""
    grid, tables = _read(out, None)
    return tuple(name for name, row in grid.rows.items() if not _per_seed(grid, row, tables))


def read_grid(out: Path) -> Grid:
    """Return the grid whose folder `out` is.

    Raises:
        OutputError: there is none, or it is damaged, or another version's.
    """
    head = read_head(out)
    if head is None:
        raise OutputError(f"{out}: holds no {HEAD}. Give the folder of an `echoduet ablate`.")
    try:
        return Grid.model_validate(head["grid"])
    except ValidationError as error:
        told = describe(error, f"{out / HEAD}", {}, lambda key: f"holds {key}, which this version does not know.")
        raise OutputError(f"{told} Read it with the version that wrote it, or restore the file.") from error


def on_papers_folds(out: Path) -> bool:
    """Tell whether the grid's cases are divided by the paper's protocol; one split serves all its settings."""
    return all(setting.config.split.protocol == "paper" for setting in read_grid(out).settings.values())


def _read(out: Path, size: int | str | None) -> tuple[Grid, Tables]:
    grid = read_grid(out)
    wanted = grid.at_sizes[0] if size is None else size
    if wanted not in grid.at_sizes:
        raise OutputError(f"{out}: was not scored at {wanted}. There is {', '.join(map(str, grid.at_sizes))}.")
    path = out / list(row_files(grid))[grid.at_sizes.index(wanted)]
    if not path.exists():
        raise OutputError(f"{path}: is missing. Run the same `echoduet ablate` again to have it written.")
    require_unchanged_rows(out)
    return grid, _tables(path, (read_head(out) or {})["folds"])


def _tables(path: Path, folds: Sequence[int]) -> Tables:
    """Return raw and refined rows by setting and seed, or seeds as in "0+1+2"; those alone that have every fold."""
    with path.open(newline="", encoding="utf-8") as stream:
        keys = [(row["setting"], row["seed"]) for row in csv.DictReader(stream)]
    grouped: dict[tuple[str, str], tuple[list[CaseScore], list[CaseScore]]] = defaultdict(lambda: ([], []))
    for key, raw, refined in zip(keys, *read_cases(path), strict=True):
        grouped[key][0].append(raw)
        grouped[key][1].append(refined)
    whole = {key: pair for key, pair in grouped.items() if {score.fold for score in pair[0]} >= set(folds)}
    return {key: (tuple(raw), tuple(refined)) for key, (raw, refined) in whole.items()}


def _per_seed(grid: Grid, row: Row, tables: Tables) -> dict[int, Scores]:
    """Return the scores of a row, seed by seed; those of an ensemble are the same for every seed."""
    if row.ensemble:
        return {seed: rows for rows in _whole(row, tables, [joint_seeds(grid.seeds)]).values() for seed in grid.seeds}
    return {int(seed): rows for seed, rows in _whole(row, tables, map(str, grid.seeds)).items()}


def _whole(row: Row, tables: Tables, seeds: Iterable[str]) -> dict[str, Scores]:
    whole = [seed for seed in seeds if all((name, seed) in tables for name in row.settings)]
    return {seed: row_scores(row, {name: tables[name, seed] for name in row.settings}) for seed in whole}


def row_scores(row: Row, tables: Mapping[str, tuple[Scores, Scores]]) -> Scores:
    """Return the scores of a reported row, from raw and refined scores of the settings it names."""
    if len(row.settings) == 1:
        return tables[row.settings[0]][int(row.refined)]
    masks, classes = (tables[name][0] for name in row.settings)
    both = combine_all(masks, classes)
    return tuple(refine_score(score) for score in both) if row.refined else both
