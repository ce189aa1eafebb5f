"""Print table and differences of a grid from the rows in its folder, and what it reached on validation parts.

No network and no image is needed.

python benchmarks/grid_table.py results/duet
python benchmarks/grid_table.py results/long --rows "ST(Seg)" MT
python benchmarks/grid_table.py results/duet --out runs/duet-report
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from echoduet.errors import EchoDuetError, OutputError
from echoduet.experiments.comparison.arms import on_common_seeds, paired
from echoduet.experiments.grid.curves import NAME as CURVES
from echoduet.experiments.grid.reported import not_run, on_papers_folds, read_arms, read_grid
from echoduet.files import require_writable
from echoduet.reporting.comparison import ReportContext, difference_lines, require_own, write_comparison


def page(out: Path, size: str | int | None = None, rows: Sequence[str] = (), report: Path | None = None) -> str:
    """Return the table of the rows that are whole as Markdown, and every difference with interval and p values.

    Args:
        out: the folder of an `echoduet ablate`, or a copy of its `ablation.json`, `curves.csv` and `rows*.csv`.
        size: one of the sizes it was scored at; the first by default.
        rows: those to compare, where seeds may be whole that others lack; all, and the validation parts, by default.
        report: where to keep the whole report of `echoduet compare`: page, figures, tables also as LaTeX and CSV.

    Raises:
        OutputError: the folder is no grid's, a row that is asked for is not there, or `report` holds something else.
        PairingError: the rows share no seed.
    """
    known = {arm.name: arm for arm in read_arms(out, size)}
    if missing := [name for name in rows if name not in known]:
        raise OutputError(f"{out}: has no row {missing[0]}. There is {', '.join(known)}.")
    arms, told = on_common_seeds([known[name] for name in rows or known])
    arms = paired(arms)
    select = {name: setting.config.optim.select for name, setting in read_grid(out).settings.items()}
    with tempfile.TemporaryDirectory() as folder:
        place = report or Path(folder)
        context = ReportContext(
            title=read_grid(out).description,
            papers_folds=on_papers_folds(out),
            not_run=not_run(out),
            warnings=[told] if told else [],
        )
        require_own(place, arms)
        require_writable(place)
        write_comparison(place, arms, context)
        table = (place / "table.md").read_text(encoding="utf-8").strip()
        entries = json.loads((place / "comparisons.json").read_text(encoding="utf-8"))["comparisons"]
    lines = "\n".join(difference_lines(entries))
    if rows:  # nothing of the paper's settings that were not asked for
        head, rule, *lines_of_table = table.splitlines()
        table = "\n".join([head, rule, *(line for line in lines_of_table if line.split(" | ")[0][2:] in rows)])
    told_after = [] if rows else [validation(out, select)]
    return "\n\n".join([table, *([f"```\n{lines}\n```"] if lines else []), *told_after])


def validation(out: Path, select: Mapping[str, str]) -> str:
    """Return what the epoch that each network kept had reached on the validation parts, as Markdown.

    Mean over seeds and folds, ± the standard deviation over seeds of the mean over folds.

    Args:
        out: the grid's folder.
        select: `optim.select` of each setting: the last epoch, or the one of least validation loss.
    """
    if not (out / CURVES).exists():
        raise OutputError(f"{out / CURVES}: is missing. Run the same `echoduet ablate` again to have it written.")
    runs: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    with (out / CURVES).open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            runs.setdefault((row["setting"], row["seed"], row["fold"]), []).append(row)
    lines = ["| validation parts, the epoch kept | accuracy | lesion Dice | seeds |", "|---|---|---|---|"]
    for setting in dict.fromkeys(key[0] for key in runs):
        rows = [_kept(epochs, select[setting]) for key, epochs in runs.items() if key[0] == setting]
        cells = [_over_seeds(rows, f"validation_{name}") for name in ("accuracy", "lesion_dice")]
        lines.append(f"| {setting} | {' | '.join(cells)} | {len({row['seed'] for row in rows})} |")
    return "\n".join(lines)


def _kept(epochs: Sequence[Mapping[str, str]], select: str) -> Mapping[str, str]:
    return epochs[-1] if select == "last" else min(epochs, key=lambda row: float(row["validation_loss"]))


def _over_seeds(rows: Sequence[Mapping[str, str]], column: str) -> str:
    by_seed: dict[str, list[float]] = {}
    for row in rows:
        if row[column]:
            by_seed.setdefault(row["seed"], []).append(float(row[column]))
    means = [statistics.fmean(values) for values in by_seed.values()]
    if not means:
        return ""
    spread = f" ± {statistics.stdev(means):.3f}" if len(means) > 1 else ""
    return f"{statistics.fmean(means):.3f}{spread}"


def main() -> None:
    """Print the page of the folder given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grid", type=Path)
    parser.add_argument("size", nargs="?", help="native or a number, one of those it was scored at")
    parser.add_argument("--rows", nargs="+", default=[], help="compare these alone")
    parser.add_argument("--out", type=Path, help="keep the whole report in this folder: page, figures, LaTeX, CSV")
    given = parser.parse_args()
    print(page(given.grid, given.size, given.rows, given.out))


if __name__ == "__main__":
    try:
        main()
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
