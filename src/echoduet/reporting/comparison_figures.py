"""The figures of a comparison: Dice by class, differences with intervals, ranks, and learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from echoduet.records import CLASSES
from echoduet.reporting.figures import ACCENT, CLASS_COLOURS, INK, LINE, MUTED, STYLE, svg

Entry = Mapping[str, Any]

NAMES = {
    "dsc_lesion": "lesion Dice",
    "dsc_all": "all-image Dice",
    "normal_empty_share": "normals left empty",
    "accuracy": "accuracy",
    "f1_weighted": "weighted F1",
    "auroc_malignant": "AUROC malignant",
}
"""The compared figures as people call them."""

LEVEL = 0.05
PANELS = 3


def pair_name(entry: Entry) -> str:
    """Return "A − B"."""
    return f"{entry['arm']} \N{MINUS SIGN} {entry['against']}"


def dice_by_arm(arms: Sequence[Entry]) -> Markup:
    """Draw each arm's mean Dice by class with its interval, and the paper's mean where it has one."""
    drawn = [arm for arm in arms if "dsc_all" in arm["figures"]]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 1.1 + 0.52 * len(drawn)), layout="constrained")
        axes = figure.subplots()
        for place, arm in enumerate(drawn):
            for shift, label in zip((-0.22, 0.0, 0.22), CLASSES, strict=True):
                _dice_point(axes, place + shift, arm, str(label), CLASS_COLOURS[label], first=not place)
        axes.set(xlim=(-0.02, 1.02), ylim=(len(drawn) - 0.5, -0.5), xlabel="Dice, mean over folds")
        _rows(axes, [arm["name"] for arm in drawn])
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize=9, borderaxespad=0.3)
        return svg(figure, "Mean Dice by class of every system, with 95 % intervals", "dice-by-arm")


def _dice_point(axes: Axes, at: float, arm: Entry, label: str, colour: str, first: bool) -> None:
    entry, published = (arm[held].get(f"dsc_{label}", {}) for held in ("figures", "paper"))
    if entry.get("mean") is None:
        return
    if entry.get("ci95"):
        axes.plot(entry["ci95"], [at, at], color=colour, linewidth=2.2, alpha=0.55, solid_capstyle="butt")
    axes.plot([entry["mean"]], [at], "o", color=colour, markersize=6, label=label if first else None, linestyle="none")
    if published:
        axes.plot([published["mean"]], [at], "D", markersize=5, markerfacecolor="none", markeredgecolor=INK)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def forest(comparisons: Sequence[Entry]) -> Markup:
    """Draw every difference with its interval: one panel a figure, or for a single pair one panel for all figures."""
    pairs = list(dict.fromkeys(pair_name(entry) for entry in comparisons))
    with mpl.rc_context(STYLE):
        if len(pairs) == 1:
            figure = Figure(figsize=(8.4, 1.0 + 0.36 * len(comparisons)), layout="constrained")
            _forest_panel(figure.subplots(), comparisons, [NAMES[entry["figure"]] for entry in comparisons])
            figure.axes[0].set_xlabel(pairs[0])
        else:
            figure = _forest_panels(comparisons, pairs)
        return svg(figure, "Differences between systems with 95 % intervals", "forest")


def _forest_panels(comparisons: Sequence[Entry], pairs: Sequence[str]) -> Figure:
    keys = [key for key in NAMES if any(entry["figure"] == key for entry in comparisons)]
    lines = -(-len(keys) // PANELS)
    figure = Figure(figsize=(11.5, lines * (0.9 + 0.27 * len(pairs))), layout="constrained")
    grid = figure.subplots(lines, PANELS, sharey=True, squeeze=False)
    for axes, key in zip(grid.flat, keys, strict=False):
        of_key = {pair_name(entry): entry for entry in comparisons if entry["figure"] == key}
        _forest_panel(axes, [of_key.get(pair) for pair in pairs], pairs)
        axes.set_title(NAMES[key], fontsize=10.5, color=INK)
    for axes in grid.flat[len(keys) :]:
        axes.set_visible(False)
    return figure


def _forest_panel(axes: Axes, entries: Sequence[Entry | None], names: Sequence[str]) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    for at, entry in enumerate(entries):
        if entry is not None and entry["difference"] is not None:
            _forest_row(axes, at, entry)
    _rows(axes, names)
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.08)


def _forest_row(axes: Axes, at: int, entry: Entry) -> None:
    sure = entry["p_holm"] is not None and entry["p_holm"] < LEVEL
    colour = ACCENT if sure else MUTED
    if entry.get("ci95"):
        axes.plot(entry["ci95"], [at, at], color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.plot([entry["difference"]], [at], "D" if sure else "o", color=colour, markersize=6)


def critical_difference_diagram(ranking: Entry, key: str) -> Markup:
    """Draw the mean ranks of the arms, with a bar over those that are not told apart (Demšar 2006)."""
    ranks = dict(zip(ranking["arms"], ranking["mean_ranks"], strict=True))
    order = sorted(ranks, key=ranks.__getitem__)
    left = (len(order) + 1) // 2
    bars = len(ranking["cliques"])
    foot = 0.5 + 0.22 * bars
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 1.1 + 0.28 * (left + bars * 0.8)), layout="constrained")
        axes = figure.subplots()
        _rank_axis(axes, len(order), ranking["critical_difference"])
        for at, clique in enumerate(ranking["cliques"]):
            ends = [min(ranks[name] for name in clique) - 0.03, max(ranks[name] for name in clique) + 0.03]
            axes.plot(ends, [0.35 + 0.22 * at] * 2, color=ACCENT, linewidth=4, solid_capstyle="round")
        for at, name in enumerate(order):
            side, down = ("left", at) if at < left else ("right", len(order) - 1 - at)
            _rank_label(axes, ranks[name], foot + 0.3 * down, name, side, len(order))
        axes.set_ylim(foot + 0.3 * left, -0.95)
        return svg(figure, f"Critical-difference diagram of {NAMES[key]}", f"ranks-{key.replace('_', '-')}")


def _rank_axis(axes: Axes, count: int, width: float) -> None:
    margin = 0.45 * (count - 1)
    axes.set_xlim(1 - margin, count + margin)
    axes.plot([1, count], [0, 0], color=INK, linewidth=1)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, -0.08], color=INK, linewidth=1)
        axes.text(rank, -0.12, str(rank), ha="center", va="bottom", color=MUTED, fontsize=9)
    axes.plot([1, 1 + width], [-0.62, -0.62], color=MUTED, linewidth=2)
    axes.text(1 + width + 0.02 * count, -0.62, f"critical difference {width:.2f}", va="center", color=MUTED, fontsize=9)
    axes.set_axis_off()


def _rank_label(axes: Axes, rank: float, depth: float, name: str, side: str, count: int) -> None:
    edge = 1 - 0.06 * (count - 1) if side == "left" else count + 0.06 * (count - 1)
    axes.plot([rank, rank, edge], [0, depth, depth], color=LINE, linewidth=1)
    axes.plot([rank], [0], "o", color=INK, markersize=4)
    text, gap = (f"{name} · {rank:.2f}", -0.01) if side == "left" else (f"{rank:.2f} · {name}", 0.01)
    axes.text(edge + gap * count, depth, text, ha="right" if side == "left" else "left", va="center", fontsize=10)


CURVES = {"lesion_dice": ("lesion Dice", ACCENT), "accuracy": ("accuracy", CLASS_COLOURS[CLASSES[1]])}


def learning_curves(curves: Mapping[str, Sequence[Sequence[Entry]]]) -> Markup:
    """Draw the validation scores of every arm over its epochs: mean and standard deviation over folds and seeds.

    Args:
        curves: per arm the logs of its runs, each the rows of one `metrics.jsonl`.
    """
    columns = min(4, len(curves))
    lines = -(-len(curves) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 * columns + 0.6, 2.3 * lines + 0.5), layout="constrained")
        grid = figure.subplots(lines, columns, sharey=True, squeeze=False)
        for axes, (name, runs) in zip(grid.flat, curves.items(), strict=False):
            _curve_panel(axes, runs)
            axes.set_title(f"{name} ({len(runs)} run{'s' if len(runs) > 1 else ''})", fontsize=10, color=INK)
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
        handles = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
        figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=2, fontsize=9)
        return svg(figure, "Validation scores over the epochs", "curves")


def _curve_panel(axes: Axes, runs: Sequence[Sequence[Entry]]) -> None:
    for key, (name, colour) in CURVES.items():
        by_epoch: dict[int, list[float]] = {}
        for run in runs:
            for row in run:
                value = row.get("validation", {}).get(key)
                if value is not None:
                    by_epoch.setdefault(row["epoch"], []).append(value)
        if by_epoch:
            epochs = sorted(by_epoch)
            mean = np.array([np.mean(by_epoch[epoch]) for epoch in epochs])
            spread = np.array([np.std(by_epoch[epoch]) for epoch in epochs])
            axes.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
            axes.plot(epochs, mean, color=colour, linewidth=1.6, label=name)
    axes.set(xlabel="epoch", ylim=(0, 1))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.grid()
