"""Vector figures of the report, in the page's own colours and type.

Matplotlib draws; the colours it is given are stand-ins that become CSS variables, so that a figure follows the page
into the dark. Only the object interface is used: no figure outlives its function.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from echoduet.evaluation.calibration import BINS, Reliability, reliability
from echoduet.evaluation.cases import CaseScore
from echoduet.evaluation.classification import confusion_matrix
from echoduet.evaluation.discrimination import auroc, roc_curve
from echoduet.records import CLASSES, Label

FloatArray = NDArray[np.float64]

INK, MUTED, LINE, ACCENT = "#010203", "#020304", "#030405", "#040506"
CLASS_COLOURS = {Label.BENIGN: "#050607", Label.MALIGNANT: "#060708", Label.NORMAL: "#070809"}
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", ACCENT: "accent"} | {
    colour: str(label) for label, colour in CLASS_COLOURS.items()
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's type
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
}

_ADAPTATIONS = (
    (re.compile(r"<metadata>.*?</metadata>", re.DOTALL), ""),
    (re.compile(r'(?<=<svg)( [^>]*?) width="[^"]*"'), r"\1"),  # the page decides the size
    (re.compile(r'(?<=<svg)( [^>]*?) height="[^"]*"'), r"\1"),
    (re.compile(r"'DejaVu Sans'[^;\"]*"), "var(--type)"),
)


def svg(figure: Figure, description: str, name: str) -> Markup:
    """Return a figure drawn in the stand-in colours as SVG for the page.

    Args:
        figure: drawn under `STYLE`.
        description: what it shows, for those who do not see it.
        name: unique on the page; starts every identifier.
    """
    stream = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for pattern, replacement in _ADAPTATIONS:
        text = pattern.sub(replacement, text)
    # Several figures share one page: their identifiers must not meet.
    text = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1))


def standalone(drawing: str) -> str:
    """Return a page's figure as an SVG file of its own, in the page's light colours on white."""
    css = resources.files("echoduet.reporting").joinpath("templates/page.css").read_text(encoding="utf-8")
    for name, value in re.findall(r"--([\w-]+):\s*([^;]+);", css[: css.index("}")]):
        drawing = drawing.replace(f"var(--{name})", value.replace('"', "&quot;"))
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    size = f'width="{box[1]}pt" height="{box[2]}pt" ' if box else ""
    return drawing.replace("<svg ", f'<svg {size}style="background:#fff" ', 1) + "\n"


def dice_by_class(raw: Sequence[CaseScore], refined: Sequence[CaseScore]) -> Markup:
    """Draw every image's Dice by class, without and with refining, with quartiles and mean."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.7), layout="constrained")
        axes = figure.subplots()
        ticks = []
        for place, label in enumerate(CLASSES):
            for shift, scores, name in ((-0.2, raw, "raw"), (0.2, refined, "refined")):
                values = np.array([s.dice for s in scores if s.label is label and s.dice is not None])
                colour = CLASS_COLOURS[label] if name == "refined" else MUTED
                _strip(axes, place + shift, values, colour, quartiles=label is not Label.NORMAL)
                ticks.append((place + shift, name))
        axes.set_xticks([at for at, _ in ticks], [name for _, name in ticks], fontsize=9)
        for place, label in enumerate(CLASSES):
            axes.text(place, -0.1, str(label), ha="center", va="top", fontsize=11, transform=axes.get_xaxis_transform())
        axes.set(ylim=(-0.03, 1.08), xlim=(-0.5, len(CLASSES) - 0.5), ylabel="Dice", yticks=np.linspace(0, 1, 6))
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        return svg(figure, "Dice of every image by class, without and with refining", "dice")


def _strip(axes: Axes, at: float, values: FloatArray, colour: str, quartiles: bool) -> None:
    if not values.size:
        return
    jitter = np.random.default_rng(values.size).uniform(-0.13, 0.13, values.size)
    axes.scatter(at + jitter, values, s=9, color=colour, alpha=0.5, linewidths=0)
    mean = float(values.mean())
    if quartiles:
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        axes.add_patch(_box(at, low, high))
        axes.plot([at - 0.16, at + 0.16], [middle, middle], color=INK, linewidth=1.8, solid_capstyle="butt")
    axes.plot([at], [mean], marker="D", markersize=5, color=INK, markerfacecolor=colour, markeredgewidth=1)
    axes.text(at, 1.035, f"mean {mean:.3f}", ha="center", va="bottom", fontsize=8.5, color=MUTED)


def _box(at: float, low: float, high: float) -> mpl.patches.Rectangle:
    return mpl.patches.Rectangle((at - 0.16, low), 0.32, high - low, fill=False, edgecolor=MUTED, linewidth=1)


def roc_curves(raw: Sequence[CaseScore], refined: Sequence[CaseScore]) -> Markup:
    """Draw the one-vs-rest ROC curves, malignant foremost, and where the answered classes lie on them."""
    scored = [score for score in raw if score.probabilities is not None]
    truth = np.array([score.label.position for score in scored])
    probabilities = np.array([score.probabilities for score in scored])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.6), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        for label, style, width in ((Label.MALIGNANT, "-", 2.4), (Label.BENIGN, "--", 1.6), (Label.NORMAL, ":", 1.6)):
            positive, score = truth == label.position, probabilities[:, label.position]
            if positive.any() and not positive.all():
                name = f"{label} vs rest, area {float(auroc(positive, score)):.3f}"
                axes.plot(*roc_curve(positive, score), style, color=CLASS_COLOURS[label], linewidth=width, label=name)
        for scores, marker, name in (
            (raw, "o", "answered malignant, raw"),
            (refined, "D", "answered malignant, refined"),
        ):
            _operating_point(axes, scores, marker, name)
        axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.grid()
        axes.legend(loc="lower right", fontsize=9)
        return svg(figure, "ROC curves, one class against the rest", "roc")


def _operating_point(axes: Axes, scores: Sequence[CaseScore], marker: str, name: str) -> None:
    answered = [(s.label.position, s.predicted.position) for s in scores if s.predicted is not None]
    if not answered:
        return
    truth, answer = np.array(answered).T
    table = confusion_matrix(truth, answer, len(CLASSES))
    k = Label.MALIGNANT.position
    called, others = table[:, k].sum() - table[k, k], table.sum() - table[k].sum()
    if table[k].sum() and others:
        axes.plot(
            [called / others], [table[k, k] / table[k].sum()], marker, color=CLASS_COLOURS[Label.MALIGNANT],
            markeredgecolor=INK, markersize=7, linestyle="none", label=name, zorder=5,
        )  # fmt: skip


def reliability_diagram(scores: Sequence[CaseScore]) -> Markup:
    """Draw how often a probability came true, for the answer and for malignancy, and how often it was given."""
    scored = [score for score in scores if score.probabilities is not None]
    truth = np.array([score.label.position for score in scored])
    probabilities = np.array([score.probabilities for score in scored])
    k = Label.MALIGNANT.position
    answer = reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    malignant = reliability(probabilities[:, k], truth == k)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.6), layout="constrained")
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        _reliability_line(axes, answer, "o-", ACCENT, "most probable class")
        _reliability_line(axes, malignant, "s--", CLASS_COLOURS[Label.MALIGNANT], "malignant")
        axes.set(ylabel="how often true", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.grid()
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9, borderaxespad=0.3)
        _counts(below, answer, malignant)
        return svg(figure, "Reliability diagram: probability against observed frequency", "reliability")


def _reliability_line(axes: Axes, table: Reliability, style: str, colour: str, name: str) -> None:
    held = table.count > 0
    confidence, accuracy, count = table.confidence[held], table.accuracy[held], table.count[held]
    axes.plot(confidence, accuracy, style, color=colour, linewidth=1.4, markersize=4, label=name)
    # A bin of two cases says little: the area of a disc is the number of cases behind it.
    axes.scatter(confidence, accuracy, s=900 * count / table.count.sum(), color=colour, alpha=0.25, linewidths=0)


def _counts(axes: Axes, answer: Reliability, malignant: Reliability) -> None:
    centres = (np.arange(BINS) + 0.5) / BINS
    width = 0.4 / BINS
    for table, shift, colour in ((answer, -0.5, ACCENT), (malignant, 0.5, CLASS_COLOURS[Label.MALIGNANT])):
        share = table.count / max(float(table.count.sum()), 1.0)
        axes.bar(centres + shift * width, share, width=width, color=colour)
    axes.set(xlabel="probability given", ylabel="images")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
