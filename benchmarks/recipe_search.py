"""Print the table of docs/experiments.md from the rows under results/recipe-search.

python benchmarks/recipe_search.py

One folder a setting, one file a fold: validation parts, refined, at 128 x 128. A setting is compared with the one that
it changes one thing of, on the folds that both have. The last table is that of the longest training, each task alone
beside both, from `results/long-val`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from echoduet.evaluation.cases import CaseScore, read_cases
from echoduet.statistics.paired import bootstrap_difference

RESULTS = Path(__file__).parents[1] / "results" / "recipe-search"
LONG = RESULTS.parent / "long-val" / "rows.csv"
SHORT = "lesions-only-pooled"
"""The setting that `MT` of the long training is for 20 epochs."""
COMPARED = {
    "frozen": "plain",
    "frozen-60": "frozen",
    "frozen-224-60": "frozen-60",
    "frozen-160-60": "frozen-60",
    "frozen-128-60": "frozen-60",
    "shallow-60": "frozen-60",
    "shallow-30": "shallow-60",
    "frozen-256": "frozen",
    "frozen-320": "frozen",
    "presence": "frozen",
    "weight-0.7": "frozen",
    "uncertainty": "frozen",
    "gradient": "frozen",
    "boundary": "frozen",
    "focal": "frozen",
    "padded": "frozen",
    "full-decoder": "frozen",
    "dense": "frozen",
    "pooled": "frozen",
    "lesions-only": "frozen",
    "lesions-only-pooled": "pooled",
    "lesions-only-0.7": "lesions-only-pooled",
    "lesions-only-unet": "lesions-only-pooled",
    "lite2": "frozen",
    "no-average": "frozen",
    "no-ultrasound-effects": "frozen",
    "no-flip": "frozen",
}
"""What each setting changes one thing of."""
SETTINGS = ("plain", *COMPARED)

Folds = Mapping[int, Sequence[CaseScore]]
Measure = Callable[[CaseScore], float | None]
MEASURES: dict[str, Measure] = {
    "all-image Dice": lambda score: score.dice,
    "lesion Dice": lambda score: score.dice if score.has_lesion else None,
    "normals empty": lambda score: None if score.has_lesion else float(score.predicted_area == 0),
    "accuracy": lambda score: float(score.predicted is score.label),
}


def read(setting: str, results: Path = RESULTS) -> Folds:
    """Return the refined rows of a setting by fold."""
    files = sorted((results / setting).glob("fold_*.csv"))
    return {int(path.stem.removeprefix("fold_")): read_cases(path)[1] for path in files}


def mean(folds: Folds, chosen: Sequence[int], measure: Measure) -> float:
    """Return the mean over the chosen folds of the mean within each."""
    return float(np.mean([np.mean([v for row in folds[k] if (v := measure(row)) is not None]) for k in chosen]))


def difference(first: Folds, second: Folds, measure: Measure) -> str:
    """Return the mean paired difference over the folds both have, with its 95 % interval over groups of copies.

    An image that is validated in several folds is one unit: its rows are resampled together.
    """
    shared = sorted(set(first) & set(second))
    pairs = [(a, b) for fold in shared for a, b in zip(first[fold], second[fold], strict=True)]
    values = [(measure(a), measure(b), a.group or a.case_id) for a, b in pairs]
    kept = [(a, b, group) for a, b, group in values if a is not None and b is not None]
    ours, theirs = (np.array([row[i] for row in kept], dtype=np.float64) for i in (0, 1))
    interval = bootstrap_difference(ours, theirs, [row[2] for row in kept])
    bounds = "" if interval is None else f" ({interval[0]:+.3f} to {interval[1]:+.3f})"
    return f"{(ours - theirs).mean():+.3f}{bounds}"


def table(results: Path = RESULTS) -> str:
    """Return the settings and their differences as Markdown."""
    folds = {setting: read(setting, results) for setting in SETTINGS}
    lines = [f"| setting | folds | {' | '.join(MEASURES)} |", "|---" * (len(MEASURES) + 2) + "|"]
    for setting, rows in folds.items():
        for chosen in sorted({tuple(rows), (0, 1)}, key=len, reverse=True):
            cells = " | ".join(f"{mean(rows, chosen, measure):.3f}" for measure in MEASURES.values())
            lines.append(f"| {setting} | {', '.join(map(str, chosen))} | {cells} |")
    for setting, against in COMPARED.items():
        cells = " | ".join(difference(folds[setting], folds[against], measure) for measure in MEASURES.values())
        shared = ", ".join(map(str, sorted(set(folds[setting]) & set(folds[against]))))
        lines.append(f"| {setting} − {against} | {shared} | {cells} |")
    return "\n".join(lines)


def of_grid(path: Path, setting: str, refined: bool) -> Folds:
    """Return the rows of a setting from a grid's `rows.csv`, by fold."""
    scores = read_cases(path)[int(refined)]
    folds: dict[int, list[CaseScore]] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for row, score in zip(csv.DictReader(stream), scores, strict=True):
            if row["setting"] == setting:
                folds.setdefault(int(row["fold"]), []).append(score)
    return folds


def long_table(path: Path = LONG, short: Path = RESULTS) -> str:
    """Return what 90 epochs reach on the validation parts, each task alone and both, as Markdown."""
    arms = {
        "ST(Seg), raw": (of_grid(path, "ST(Seg)", refined=False), ("lesion Dice",)),
        "ST(Cls)": (of_grid(path, "ST(Cls)", refined=False), ("accuracy",)),
        "ST(Cls), free": (of_grid(path, "ST(Cls), free", refined=False), ("accuracy",)),
        "MT, raw": (of_grid(path, "MT", refined=False), tuple(MEASURES)),
        "MT, refined": (of_grid(path, "MT", refined=True), tuple(MEASURES)),
        f"{SHORT}, refined": (read(SHORT, short), tuple(MEASURES)),
    }
    pairs = [
        ("MT, raw", "ST(Seg), raw"),
        ("MT, raw", "ST(Cls)"),
        ("ST(Cls), free", "ST(Cls)"),
        ("MT, refined", f"{SHORT}, refined"),
    ]
    lines = [f"| setting | {' | '.join(MEASURES)} |", "|---" * (len(MEASURES) + 1) + "|"]
    for name, (folds, told) in arms.items():
        cells = [f"{mean(folds, sorted(folds), MEASURES[key]):.3f}" if key in told else "" for key in MEASURES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for ours, theirs in pairs:
        told = [key for key in arms[ours][1] if key in arms[theirs][1]]
        first, second = arms[ours][0], arms[theirs][0]
        cells = [difference(first, second, MEASURES[key]) if key in told else "" for key in MEASURES]
        lines.append(f"| {ours} − {theirs} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(), long_table(), sep="\n\n")
