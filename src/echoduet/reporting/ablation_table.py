"""The table of an ablation, in the layout of the paper's Table 5 and with its figures beside ours, in three formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echoduet.experiments.comparison.published import TABLE5, Published
from echoduet.files import write_csv, write_text
from echoduet.reporting.tables import MINUS

COLUMNS = {
    "dsc_benign": "DSC benign",
    "dsc_malignant": "DSC malignant",
    "dsc_normal": "Normals left empty (DSC normal)",
    "dsc_all": "DSC all",
    "dsc_lesion": "DSC lesions only",
    "f1_benign": "F1 benign",
    "f1_malignant": "F1 malignant",
    "f1_normal": "F1 normal",
    "f1_weighted": "F1 weighted",
    "accuracy": "Accuracy",
    "auc_macro": "AUC macro",
    "auroc_malignant": "AUROC malignant",
}
"""The paper's columns, the lesions on their own, and two areas under curves; the DSC of normal images is the share of
them that was left empty."""

NOT_RUN = "not run"
EN_DASH = "\N{EN DASH}"
CSV_COLUMNS = (
    "setting", "figure", "status", "mean", "sd_folds", "ci_low", "ci_high", "n", "unit", "paper_mean", "paper_sd",
    "difference", "agrees",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one row, ready to print; `agrees` is None where nothing is judged."""

    text: str = ""
    interval: str = ""
    agrees: bool | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: a setting of ours, or the paper's figures for it.

    Attributes:
        name: the setting.
        ours: whether the figures are ours.
        status: `run` or `not run`; the paper's rows are `paper`.
        cells: one per column.
        verdict: how many figures agree with the paper's; only beside a setting of ours that the paper has.
    """

    name: str
    ours: bool
    status: str
    cells: Mapping[str, Cell] = field(default_factory=dict)
    verdict: str = ""


def shown_columns(comparison: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that at least one arm has a figure for, with their heads."""
    held = {key for arm in comparison["arms"] for key in arm["figures"]}
    return {key: head for key, head in COLUMNS.items() if key in held}


def settings(comparison: Mapping[str, Any], not_run: Sequence[str] = ()) -> list[str]:
    """Return the names of the rows: the paper's settings in its order, where one of them was run, then all others."""
    names = [arm["name"] for arm in comparison["arms"]] + list(not_run)
    paper = [*TABLE5] if comparison["beside_paper"] and any(name in TABLE5 for name in names) else []
    return [*paper, *dict.fromkeys(name for name in names if name not in paper)]


def table_rows(comparison: Mapping[str, Any], not_run: Sequence[str] = ()) -> list[TableRow]:
    """Return the rows of the table: ours, and under each setting of the paper the paper's."""
    arms = {arm["name"]: arm for arm in comparison["arms"]}
    rows = []
    for name in settings(comparison, not_run):
        rows.append(_our_row(arms[name]) if name in arms else TableRow(name, True, NOT_RUN))
        if name in TABLE5 and comparison["beside_paper"]:
            rows.append(_paper_row(name, arms.get(name, {}).get("paper", {})))
    return rows


def _our_row(arm: Mapping[str, Any]) -> TableRow:
    cells = {
        key: Cell(mean_and_sd(entry["mean"], entry.get("sd_folds")), interval(entry.get("ci95")))
        for key, entry in arm["figures"].items()
    }
    return TableRow(arm["name"], True, "run", cells, verdict(arm["paper"]))


def _paper_row(name: str, beside: Mapping[str, Mapping[str, Any]]) -> TableRow:
    cells = {key: _paper_cell(value, beside.get(key, {}).get("agrees")) for key, value in TABLE5[name].items()}
    return TableRow(name, False, "paper", cells)


def _paper_cell(value: Published, agrees: bool | None) -> Cell:
    return Cell(mean_and_sd(value.mean, value.sd), agrees=agrees)


def verdict(beside: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how many of the figures that can be judged agree with the paper's; nothing where none can."""
    judged = [entry["agrees"] for entry in beside.values() if entry["agrees"] is not None]
    return f"{sum(judged)} of {len(judged)}" if judged else ""


def mean_and_sd(mean: float | None, sd: float | None) -> str:
    """Return "0.752 ± 0.020", or as much of it as is defined."""
    if mean is None:
        return "undefined"
    return f"{mean:.3f}" + ("" if sd is None else f" ± {sd:.3f}")


def interval(ci95: Sequence[float] | None, text: Callable[[float], str] = "{:.3f}".format) -> str:
    """Return "0.724 – 0.779" with each bound as `text` writes it, or nothing."""
    return f" {EN_DASH} ".join(map(text, ci95)) if ci95 else ""


def with_sign(value: float) -> str:
    """Return "+0.012", "−0.003", and "0.000" where nothing else is left of it."""
    text = f"{abs(value):.3f}"
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def markdown(comparison: Mapping[str, Any], not_run: Sequence[str] = ()) -> str:
    """Return the table in Markdown; an unequal sign marks a figure of the paper that ours does not agree with."""
    columns = shown_columns(comparison)
    last = ("agrees with the paper",) if comparison["beside_paper"] else ()
    head = ("setting", *columns.values(), *last)
    lines = [head, ("---",) * len(head)]
    for row in table_rows(comparison, not_run):
        cells = [_marked(row.cells.get(key, Cell()), "≠ ") for key in columns]
        if row.status == NOT_RUN:
            cells[0] = NOT_RUN
        verdicts = (row.verdict,) if last else ()
        lines.append((_pipes(row.name if row.ours else f"paper: {row.name}"), *cells, *verdicts))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _marked(cell: Cell, mark: str) -> str:
    text = f"{cell.text} ({cell.interval})" if cell.interval else cell.text
    return f"{mark}{text}" if cell.agrees is False else text


def _pipes(text: str) -> str:
    return text.replace("|", "\\|")


_SPECIAL = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "≠": r"$\neq$",
    EN_DASH: "--", MINUS: "$-$", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip


def escaped(text: str) -> str:
    """Return text as LaTeX sets it literally."""
    return re.sub("|".join(map(re.escape, _SPECIAL)), lambda match: _SPECIAL[match[0]], text)


def latex(comparison: Mapping[str, Any], not_run: Sequence[str] = ()) -> str:
    """Return the table as a LaTeX `tabular` that needs no package; intervals stand in a second line."""
    columns = shown_columns(comparison)
    last = ["agrees"] if comparison["beside_paper"] else []
    head = ["setting", *columns.values(), *last]
    lines = [f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\hline", _latex_line(head), r"\hline"]
    for row in table_rows(comparison, not_run):
        lines += _latex_row(row, columns, judged=bool(last))
    return (
        "\n".join(
            [
                "% generated by EchoDuet; mean and standard deviation over folds, 95 % interval below",
                *lines,
                r"\hline",
                r"\end{tabular}",
            ]
        )
        + "\n"
    )


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(escaped(cell) for cell in cells) + r" \\"


def _latex_row(row: TableRow, columns: Mapping[str, str], *, judged: bool) -> Iterator[str]:
    cells = [row.cells.get(key, Cell()) for key in columns]
    texts = [f"≠ {cell.text}" if cell.agrees is False else cell.text for cell in cells]
    if row.status == NOT_RUN:
        texts[0] = NOT_RUN
    yield _latex_line([row.name if row.ours else "  paper", *texts, *([row.verdict] if judged else [])])
    if any(cell.interval for cell in cells):
        yield _latex_line(["", *(cell.interval for cell in cells), *([""] if judged else [])])


def csv_rows(comparison: Mapping[str, Any], not_run: Sequence[str] = ()) -> Iterator[dict[str, object]]:
    """Yield one row per setting and figure, ours and the paper's in one; numbers in full."""
    arms = {arm["name"]: arm for arm in comparison["arms"]}
    for name in settings(comparison, not_run):
        arm, published = arms.get(name), TABLE5.get(name, {}) if comparison["beside_paper"] else {}
        for key in COLUMNS:
            if key in (arm["figures"] if arm else {}) or key in published:
                yield {"setting": name, "figure": key, "status": "run" if arm else NOT_RUN} | _numbers(
                    arm, key, published.get(key)
                )


def _numbers(arm: Mapping[str, Any] | None, key: str, published: Published | None) -> dict[str, object]:
    entry = arm["figures"].get(key, {}) if arm else {}
    low, high = entry.get("ci95") or (None, None)
    told = arm["paper"].get(key, {}) if arm else {}
    return {
        **{name: entry.get(name) for name in ("mean", "sd_folds", "n", "unit")},
        "ci_low": low,
        "ci_high": high,
        "paper_mean": published.mean if published else None,
        "paper_sd": published.sd if published else None,
        "difference": told.get("difference"),
        "agrees": {True: "yes", False: "no", None: None}[told.get("agrees")],
    }


def write_tables(out: Path, comparison: Mapping[str, Any], not_run: Sequence[str] = ()) -> None:
    """Write `table.md`, `table.tex` and `table.csv` into `out`."""
    write_text(out / "table.md", markdown(comparison, not_run))
    write_text(out / "table.tex", latex(comparison, not_run))
    write_csv(out / "table.csv", CSV_COLUMNS, csv_rows(comparison, not_run))
