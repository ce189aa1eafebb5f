"""Fill the tables of docs/curation-benchmark.md and docs/curation-scale.md from the rows under results/.

    python benchmarks/curation_tables.py

A table stands between `<!-- table: name -->` and `<!-- end -->`; nothing else is touched. The rows come from
the scripts beside this one, each with `--out results/...`; no image is needed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import curation_cost
import curation_rivals
import curation_scale
import curation_tampers
from echoduet.curation.matching.settings import MatchSettings
from echoduet.files import write_text

ROOT = Path(__file__).resolve().parents[1]
DOCS = ("curation-benchmark.md", "curation-scale.md")


def tampers(found: dict[str, Any]) -> str:
    """Return the table of one run of `curation_tampers.py`, with what is pooled under it."""
    rows = [curation_tampers.Row(**row) for row in found["rows"]]
    lines = [
        f"{found['images']} images ({found['data']}), seed {found['seed']}.",
        "",
        curation_tampers.markdown(rows),
        "",
    ]
    lines += ["| pooled | |", "|---|---|"]
    lines += [f"| {name} | {curation_tampers.cell(value)} |" for name, value in curation_tampers.pooled(rows).items()]
    return "\n".join(lines)


def rivals(found: dict[str, Any]) -> str:
    """Return the tables of one run of `curation_rivals.py`."""
    rows = [curation_rivals.Row(**row) for row in found["rows"]]
    about = f"{found['images']} phantoms that were tampered with, seed {found['seed']}."
    return f"{about}\n\n{curation_rivals.markdown(rows)}"


def scale(found: list[dict[str, Any]]) -> str:
    """Return the table of one run of `curation_scale.py`."""
    return curation_scale.markdown([curation_scale.Row(**row) for row in found])


def cost(found: list[dict[str, Any]]) -> str:
    """Return the model of the costs, fitted to one run of `curation_scale.py`."""
    return curation_cost.markdown([curation_scale.Row(**row) for row in found], MatchSettings())


TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "tampered phantoms": ("results/curation-tampers/phantoms.json", tampers),
    "tampered BUSI": ("results/curation-tampers/busi.json", tampers),
    "rivals": ("results/curation-rivals/rows.json", rivals),
    "scale": ("results/curation-scale/rows.json", scale),
    "cost": ("results/curation-scale/rows.json", cost),
}
"""By name: the file of its rows, and what makes a table of them."""


def filled(page: str, root: Path = ROOT) -> str:
    """Return a page with every table of which there are rows made anew.

    Args:
        page: Markdown with the comments around each table.
        root: the checkout.
    """

    def table(match: re.Match[str]) -> str:
        file, make = TABLES[match["name"]]
        if not (root / file).exists():
            return match[0]
        rows = json.loads((root / file).read_text(encoding="utf-8"))
        return f"<!-- table: {match['name']} -->\n\n{make(rows)}\n\n<!-- end -->"

    return re.sub(r"<!-- table: (?P<name>[^>]+) -->.*?<!-- end -->", table, page, flags=re.DOTALL)


def main() -> None:
    """Fill both pages."""
    for name in DOCS:
        path = ROOT / "docs" / name
        write_text(path, filled(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
