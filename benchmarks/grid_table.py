"""Print table and differences of a grid from the rows in its folder: no network and no image is needed.

python benchmarks/grid_table.py results/duet
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from echoduet.experiments.comparison.arms import on_common_seeds, paired
from echoduet.experiments.grid.reported import not_run, read_arms
from echoduet.reporting.comparison import ReportContext, difference_lines, write_comparison


def page(out: Path, size: str | int | None = None) -> str:
    """Return the table of the rows that are whole as Markdown, and every difference with interval and p values.

    Args:
        out: the folder of an `echoduet ablate`, or a copy of its `ablation.json` and `rows*.csv`.
        size: one of the sizes it was scored at; the first by default.
    """
    arms, told = on_common_seeds(read_arms(out, size))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_comparison(place, paired(arms), ReportContext(not_run=not_run(out), warnings=[told] if told else []))
        table = (place / "table.md").read_text(encoding="utf-8").strip()
        entries = json.loads((place / "comparisons.json").read_text(encoding="utf-8"))["comparisons"]
    lines = "\n".join(difference_lines(entries))
    return "\n\n".join([table, *([f"```\n{lines}\n```"] if lines else [])])


if __name__ == "__main__":
    print(page(Path(sys.argv[1]), *sys.argv[2:3]))
