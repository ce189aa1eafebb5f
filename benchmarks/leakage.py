"""How much of a score on BUSI is memory: one recipe, all 780 images, under two kinds of folds.

Folds drawn image by image put copies on both sides; folds of whole scans do not.

echoduet curate data/Dataset_BUSI_with_GT --policy audit --out all
python benchmarks/leakage.py all/manifest.csv --config fast --out runs/leakage

Both are cross-validated (resumable); the rows go to results/leakage. Without a manifest the rows there are read, the
table printed and the figure drawn again: python benchmarks/leakage.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echoduet.config.load import load_config
from echoduet.data.manifest import read_manifest
from echoduet.evaluation.cases import CaseScore, read_cases, write_cases
from echoduet.experiments.crossval import cross_validate
from echoduet.files import atomic_path
from echoduet.splits.folds import make_splits
from echoduet.splits.table import SplitTable, read_splits, write_splits
from echoduet.statistics.intervals import Interval
from echoduet.statistics.paired import bootstrap_difference

RESULTS = Path(__file__).parents[1] / "results" / "leakage"
PROTOCOLS = {"random": "paper", "grouped": "clean"}
"""How the folds are called here, and the protocol that makes them: the paper's folds look at no group."""
SCORE_SIDE = 128

Measure = Callable[[CaseScore], float | None]
MEASURES: dict[str, Measure] = {
    "lesion Dice": lambda score: score.dice if score.has_lesion else None,
    "accuracy": lambda score: float(score.predicted is score.label),
    "normals left empty": lambda score: None if score.has_lesion else float(score.predicted_area == 0),
}


@dataclass(frozen=True)
class Gap:
    """What random folds add to one score.

    `of` says over which images: all, those with a relative in the training part of their random fold, or the others.
    `interval` is None where fewer than two groups leave nothing to resample.
    """

    measure: str
    of: str
    n: int
    random: float
    grouped: float
    interval: Interval | None


def train(manifest_path: Path, config_name: str, overrides: Sequence[str], out: Path, results: Path) -> None:
    """Cross-validate under both kinds of folds and write the refined rows, with the folds, to `results`."""
    manifest = read_manifest(manifest_path)
    for name, protocol in PROTOCOLS.items():
        keys = [*overrides, f"split.protocol={protocol}", f"split.allow_leaks={str(name == 'random').lower()}"]
        config = load_config(config_name, keys)
        splits = make_splits(manifest.cases, config.split)
        (scores,) = cross_validate(config, manifest, splits, out / name, (SCORE_SIDE,))
        write_cases(results / f"{name}.csv", scores.raw, scores.refined)
        write_splits(splits, results / f"{name}_splits.csv")


def leaked(rows: Sequence[CaseScore], splits: SplitTable) -> NDArray[np.bool_]:
    """Return which cases have an image of their group in the training part of the fold that tests them, `(N,)`."""
    group = {row.case_id: row.group for row in rows}
    seen = {fold: {group[i] for i in splits.ids(fold, "train")} - {None} for fold in splits.folds}
    return np.array([row.fold is not None and row.group in seen[row.fold] for row in rows])


def gaps(random: Sequence[CaseScore], grouped: Sequence[CaseScore], splits: SplitTable) -> list[Gap]:
    """Return the gap of every measure over all images, those that leaked under random folds, and the others."""
    by_id = {row.case_id: row for row in grouped}
    pairs = [(row, replace(by_id[row.case_id], group=row.group)) for row in random]
    has_leaked = leaked(random, splits)
    chosen = {"all": np.ones(len(pairs), bool), "relative in training": has_leaked, "no relative": ~has_leaked}
    found = [gap(name, of, [p for p, m in zip(pairs, member, strict=True) if m])
             for name in MEASURES for of, member in chosen.items()]  # fmt: skip
    return [one for one in found if one is not None]


def gap(name: str, of: str, pairs: Sequence[tuple[CaseScore, CaseScore]]) -> Gap | None:
    """Return the mean of a measure under both folds, and the interval of the difference; None without a case."""
    measure = MEASURES[name]
    values = [(measure(a), measure(b), a.group) for a, b in pairs]
    kept = [(a, b, group) for a, b, group in values if a is not None and b is not None]
    if not kept:
        return None
    first, second = (np.array([row[i] for row in kept], dtype=np.float64) for i in (0, 1))
    interval = bootstrap_difference(first, second, [row[2] for row in kept])
    return Gap(name, of, len(kept), float(first.mean()), float(second.mean()), interval)


def table(found: Sequence[Gap]) -> str:
    """Return the gaps as Markdown."""
    lines = [
        "| score | images | n | random folds | whole scans | difference (95 % interval) |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {g.measure} | {g.of} | {g.n} | {g.random:.3f} | {g.grouped:.3f} "
        f"| {g.random - g.grouped:+.3f}{bounds(g.interval)} |"
        for g in found
    ]
    return "\n".join(lines)


def bounds(interval: Interval | None) -> str:
    """Return an interval as text; nothing where there is none."""
    return "" if interval is None else f" ({interval[0]:+.3f} to {interval[1]:+.3f})"


def draw(found: Sequence[Gap], path: Path) -> None:
    """Draw the differences with their intervals."""
    figure = Figure(figsize=(7.2, 0.42 * len(found) + 1.1), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(found))[::-1]
    for place, g in zip(places, found, strict=True):
        strong = g.of == "all"
        axes.plot(
            g.interval or (), [place, place] if g.interval else (), color="#345", linewidth=2.4 if strong else 1.2
        )
        axes.plot([g.random - g.grouped], [place], "o", color="#345", markersize=7 if strong else 5)
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_yticks(places, [f"{g.measure}: {g.of} (n = {g.n})" for g in found])
    figure.supxlabel("score with random folds minus score with whole scans, and 95 % interval", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    # The same rows give the same file: no date, no names drawn by chance.
    with atomic_path(path) as temporary, rc_context({"svg.hashsalt": path.name}):
        figure.savefig(temporary, metadata={"Date": None})


def report(results: Path) -> str:
    """Draw the figure from the rows in `results`, and return the table."""
    random, grouped = (read_cases(results / f"{name}.csv")[1] for name in PROTOCOLS)
    found = gaps(random, grouped, read_splits(results / "random_splits.csv"))
    draw(found, results / "leakage.svg")
    return table(found)


def main() -> None:
    """Train where a manifest is given, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, nargs="?")
    parser.add_argument("--config", default="fast")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--out", type=Path, default=Path("runs/leakage"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.manifest is not None:
        train(given.manifest, given.config, given.overrides, given.out, given.results)
    print(report(given.results))


if __name__ == "__main__":
    main()
