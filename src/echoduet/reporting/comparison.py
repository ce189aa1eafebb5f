"""Everything that a comparison of several systems leaves behind: tables, tests, figures and one page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from markupsafe import Markup

from echoduet.errors import OutputError
from echoduet.evaluation.cases import CaseScore
from echoduet.experiments.comparison.arms import Arm, grid_warning
from echoduet.experiments.comparison.compare import DEFAULT, Pair, Sampling, compare
from echoduet.files import write_csv, write_json, write_text
from echoduet.records import CLASSES
from echoduet.reporting import comparison_figures as drawn
from echoduet.reporting.ablation_table import (
    TableRow,
    interval,
    shown_columns,
    table_rows,
    with_sign,
    write_tables,
)
from echoduet.reporting.figures import standalone
from echoduet.reporting.html import render
from echoduet.reporting.tables import UNDEFINED, flatten

RESULT = "comparisons.json"
FOREIGN = ("cases.csv", "metrics.json", "crossval.json", "config.json", "report.html")
"""Files by which the results of another command are known."""

EXPLORATORY = {"corrected_t": "Corrected t", "wilcoxon": "Wilcoxon", "mcnemar": "McNemar", "delong": "DeLong"}


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report says beside the arms' scores.

    Attributes:
        title: the page's heading.
        reference: the arm that the others are compared with; the first one by default.
        pairs: the family of comparisons; by default every arm with the reference, and MT settings with their ST ones.
        sampling: how much chance is simulated.
        papers_folds: as in `compare`.
        not_run: names of settings that were planned and have no complete results.
        curves: per arm the logs of its runs, each the rows of one `metrics.jsonl`.
        warnings: what a reader must be told before believing the figures.
        meta: provenance, for the foot of the page.
    """

    title: str = "Comparison"
    reference: str | None = None
    pairs: Sequence[Pair] | None = None
    sampling: Sampling = DEFAULT
    papers_folds: bool = True
    not_run: Sequence[str] = ()
    curves: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


def write_comparison(out: Path, arms: Sequence[Arm], context: ReportContext) -> dict[str, Any]:
    """Compare the arms and write the results; nothing is written where they do not pair.

    Into `out` go `table.md`, `table.tex`, `table.csv`, `comparisons.json`, `comparisons.csv`, `report.html`, and the
    figures as `figures/*.svg`.

    Args:
        out: the folder.
        arms: complete systems only, of the same seeds, folds and cases; `context.not_run` names the incomplete ones.
        context: what else the report says.

    Returns:
        The content of `comparisons.json`.

    Raises:
        PairingError: the arms do not pair.
        OutputError: a file cannot be written.
    """
    comparison = compare(arms, context.reference, context.pairs, context.sampling, papers_folds=context.papers_folds)
    warning = grid_warning(arms)
    warnings = [*context.warnings, *([warning] if warning else [])]
    comparison |= {"warnings": warnings, "not_run": list(context.not_run), "provenance": dict(context.meta)}
    comparison |= {"made_of": fingerprints(arms)}
    figures = draw(comparison, context)
    write_tables(out, comparison, context.not_run)
    write_csv(out / "comparisons.csv", _CSV_COLUMNS, map(_csv_row, comparison["comparisons"]))
    for name, figure in figures.items():
        write_text(out / "figures" / f"{name}.svg", standalone(str(figure)))
    write_text(out / "report.html", render("ablation.html", title=context.title, **_view(comparison, arms, figures)))
    write_json(out / RESULT, comparison)
    return comparison


def fingerprints(arms: Sequence[Arm]) -> dict[str, str]:
    """Return a checksum of each arm's rows, by which a results folder knows what it was made of."""
    return {arm.name: _fingerprint(arm) for arm in arms}


def _fingerprint(arm: Arm) -> str:
    names = [column.name for column in fields(CaseScore)]
    digest = hashlib.sha256()
    for seed, rows in sorted(arm.rows.items()):
        for row in sorted(rows, key=lambda row: row.case_id):
            digest.update(repr((seed, [getattr(row, name) for name in names])).encode())
    return digest.hexdigest()


def require_own(out: Path, arms: Sequence[Arm]) -> None:
    """Refuse a folder that holds the results of something else than a comparison of these arms.

    Raises:
        OutputError: it does; says what it holds.
    """
    if (out / RESULT).exists():
        try:
            stored = json.loads((out / RESULT).read_text(encoding="utf-8"))["made_of"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(f"{out / RESULT}: cannot be read ({error!r}). Choose another --out.") from error
        if stored != fingerprints(arms):
            raise OutputError(
                f"{out}: holds the comparison of other results ({', '.join(stored)}). Choose another --out."
            )
        return
    foreign = [name for name in FOREIGN if (out / name).exists()]
    if foreign:
        raise OutputError(f"{out}: holds {foreign[0]} of another command. Choose another --out.")


def draw(comparison: Mapping[str, Any], context: ReportContext) -> dict[str, Markup]:
    """Return the figures that the comparison has the scores for, under the names of their files."""
    figures = {}
    if any("dsc_all" in arm["figures"] for arm in comparison["arms"]):
        figures["dice-by-class"] = drawn.dice_by_arm(comparison["arms"])
    if comparison["comparisons"]:
        figures["differences"] = drawn.forest(comparison["comparisons"])
    for key, ranking in comparison["exploratory"].items():
        figures[f"ranks-{key.replace('_', '-')}"] = drawn.critical_difference_diagram(ranking, key)
    curves = {name: runs for name, runs in context.curves.items() if runs}
    if curves:
        figures["learning-curves"] = drawn.learning_curves(curves)
    return figures


_CSV_COLUMNS = (
    "arm", "against", "figure", "difference", "ci_low", "ci_high", "sd_folds", "p", "p_holm", "cohen_dz", "n", "unit",
    *(f"exploratory_{name}_p" for name in EXPLORATORY),
)  # fmt: skip


def _csv_row(entry: Mapping[str, Any]) -> dict[str, object]:
    low, high = entry.get("ci95") or (None, None)
    tests = {f"exploratory_{name}_p": entry["exploratory"].get(name, {}).get("p") for name in EXPLORATORY}
    kept = {name: entry.get(name) for name in _CSV_COLUMNS if name not in tests}
    return kept | tests | {"ci_low": low, "ci_high": high}


def _view(comparison: Mapping[str, Any], arms: Sequence[Arm], figures: Mapping[str, Markup]) -> dict[str, Any]:
    cases = arms[0].cases
    rows = table_rows(comparison, comparison["not_run"])
    return {
        "comparison": comparison,
        "counts": {label: sum(case.label is label for case in cases) for label in CLASSES},
        "groups": len({case.group or ("alone", case.case_id) for case in cases}),
        "tables": list(_tables(comparison, rows)),
        "verdicts": [(row.name, row.verdict) for row in rows if row.verdict],
        "pairs": list(_pair_blocks(comparison["comparisons"])),
        "exploratory": EXPLORATORY,
        "rankings": [
            (drawn.NAMES[key], key.replace("_", "-"), held) for key, held in comparison["exploratory"].items()
        ],
        "figures": figures,
        "number": signed,
        "p_text": p_text,
        "provenance": list(flatten(comparison["provenance"])),
    }


def _tables(comparison: Mapping[str, Any], rows: Sequence[TableRow]) -> Iterator[dict[str, Any]]:
    """Yield the outlines' half of the table and the classes', each with the settings that have a part in it."""
    shown = shown_columns(comparison)
    for title, prefix in (("Outlines", ("dsc_",)), ("Classes", ("f1_", "acc", "au"))):
        columns = {key: head for key, head in shown.items() if key.startswith(prefix)}
        concerned = {row.name for row in rows if columns.keys() & row.cells.keys()}
        silent = {row.name for row in rows} - {row.name for row in rows if row.cells}
        if columns:
            held = [row for row in rows if row.name in concerned | silent]
            yield {"title": title, "columns": columns, "rows": held}


def _pair_blocks(comparisons: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    blocks: dict[str, list[dict[str, Any]]] = {}
    for entry in comparisons:
        sure = entry["p_holm"] is not None and entry["p_holm"] < drawn.LEVEL
        verdict = "" if not sure else "better" if entry["difference"] > 0 else "worse"
        line = {
            "name": drawn.NAMES[entry["figure"]],
            "interval": interval(entry.get("ci95"), with_sign),
            "verdict": verdict,
        }
        blocks.setdefault(drawn.pair_name(entry), []).append({**entry, **line})
    yield from blocks.items()


def difference_lines(comparisons: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the differences as lines of text, each pair under its name."""
    for pair, entries in _pair_blocks(comparisons):
        yield pair
        yield f"{'':24}{'difference':>10}   {'95 % interval':19}{'p':>8}{'p, Holm':>10}"
        for entry in entries:
            p_values = f"{p_text(entry['p']):>8}{p_text(entry['p_holm']):>10}"
            yield f"  {entry['name']:22}{signed(entry['difference']):>10}   {entry['interval']:19}{p_values}"


def signed(value: float | None) -> str:
    """Return "+0.012", "−0.003", "0.000", or a dash where it is undefined."""
    return UNDEFINED if value is None else with_sign(value)


def p_text(value: float | None) -> str:
    """Return a p value with three decimals, "< 0.001" below that, a dash where there is none."""
    if value is None:
        return UNDEFINED
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
