"""The learning curves of a run, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echoduet.files import atomic_path

Row = Mapping[str, Any]


def write_curves(rows: Sequence[Row], path: Path) -> None:
    """Draw losses, validation scores and learning rate over the epochs of a run.

    Args:
        rows: the rows of `metrics.jsonl`.
        path: the PNG to write.
    """
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    losses, scores, rate = figure.subplots(1, 3)
    _plot(losses, rows, "loss", {"train": ("train", "loss"), "validation": ("validation", "loss")})
    _plot(scores, rows, "validation score", {name: ("validation", name) for name in ("lesion_dice", "accuracy")})
    scores.set_ylim(0, 1)
    _plot(rate, rows, "learning rate", {"largest group": ("learning_rate",)})
    best = rows[-1]["best_epoch"] if rows else 0
    for axes in (losses, scores):
        axes.axvline(best, color="0.6", linestyle=":", label=f"lowest validation loss ({best})")
        axes.legend(fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _plot(axes: Axes, rows: Sequence[Row], title: str, lines: Mapping[str, tuple[str, ...]]) -> None:
    styles = ("-", "--")
    for style, (label, keys) in zip(styles, lines.items(), strict=False):
        points = [(row["epoch"], value) for row in rows if (value := _value(row, keys)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label.replace("_", " "), linewidth=1.4)
    axes.set(xlabel="epoch", title=title)
    axes.grid(alpha=0.25)


def _value(row: Row, keys: tuple[str, ...]) -> float | None:
    value: Any = row
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else float(value)
