"""Figures as people read them: names, decimals, intervals, and the rows of the report's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Entry = Mapping[str, Any]
Style = Literal["score", "share", "pixels", "count"]

MINUS = "\N{MINUS SIGN}"
UNDEFINED = "\N{EM DASH}"


@dataclass(frozen=True, slots=True)
class Metric:
    """How one figure of `metrics.json` is named and written.

    Attributes:
        key: its key in the block.
        name: its name in tables.
        style: `score` has three decimals, `share` is in per cent, `pixels` and `count` have one and two decimals.
        better: which direction is good.
    """

    key: str
    name: str
    style: Style = "score"
    better: Literal["higher", "lower"] = "higher"

    def text(self, value: float | None) -> str:
        """Return the figure as text; a dash where it is undefined."""
        return UNDEFINED if value is None else _FORMATS[self.style](value)

    def interval(self, entry: Entry) -> str:
        """Return "low – high", or nothing where there is no interval."""
        if not entry.get("ci95"):
            return ""
        low, high = (self.text(bound) for bound in entry["ci95"])
        return f"{low.removesuffix(' %').removesuffix(' px')} \N{EN DASH} {high}"

    def spread(self, entry: Entry) -> str:
        """Return "± sd over folds", or nothing without folds."""
        return "" if entry.get("sd_folds") is None else f"± {self.text(entry['sd_folds'])}"

    def change(self, before: float | None, after: float | None) -> str:
        """Return the signed difference; nothing where there is none, or where one side is undefined."""
        if before is None or after is None:
            return ""
        size = self.text(abs(after - before))
        if size == self.text(0.0):
            return ""
        return f"{'+' if after > before else MINUS}{size}"


_FORMATS = {
    "score": lambda value: f"{value:.3f}",
    "share": lambda value: f"{100 * value:.1f} %",
    "pixels": lambda value: f"{value:.1f} px",
    "count": lambda value: f"{value:.2f}",
}

SEGMENTATION = (
    Metric("dsc_lesion", "Dice, lesion images"),
    Metric("dsc_benign", "Dice, benign"),
    Metric("dsc_malignant", "Dice, malignant"),
    Metric("dsc_normal", "Dice, normal (1 if empty)"),
    Metric("dsc_all", "Dice, all images"),
    Metric("iou_lesion", "IoU, lesion images"),
    Metric("nsd_lesion", "Surface Dice (NSD)"),
    Metric("hd95_lesion", "Hausdorff distance, 95 %", "pixels", "lower"),
    Metric("assd_lesion", "Mean surface distance", "pixels", "lower"),
    Metric("lesion_missed_share", "Lesion images missed", "share", "lower"),
    Metric("normal_empty_share", "Normals left empty", "share"),
    Metric("normal_false_area", "False area on normals", "share", "lower"),
    Metric("lesion_detection", "Lesions found", "share"),
    Metric("lesion_precision", "Outlines that are lesions", "share"),
    Metric("lesion_false_per_image", "False outlines per image", "count", "lower"),
)

CLASSIFICATION = (
    Metric("accuracy", "Accuracy"),
    Metric("balanced_accuracy", "Balanced accuracy"),
    Metric("f1_weighted", "F1, weighted"),
    Metric("f1_macro", "F1, macro"),
    Metric("f1_benign", "F1, benign"),
    Metric("f1_malignant", "F1, malignant"),
    Metric("f1_normal", "F1, normal"),
    Metric("recall_benign", "Recall, benign"),
    Metric("recall_malignant", "Recall, malignant"),
    Metric("recall_normal", "Recall, normal"),
    Metric("mcc", "Matthews correlation"),
    Metric("auc_macro", "AUROC, mean of one-vs-rest"),
    Metric("auroc_malignant", "AUROC, malignant vs rest"),
    Metric("auprc_malignant", "AUPRC, malignant vs rest"),
    Metric("sensitivity_at_specificity_90", "Sensitivity at 90 % specificity", "share"),
    Metric("specificity_at_sensitivity_95", "Specificity at 95 % sensitivity", "share"),
    Metric("brier", "Brier score (0 to 2)", better="lower"),
    Metric("ece", "Calibration error (ECE)", better="lower"),
)

METRICS: Mapping[str, Sequence[Metric]] = {"segmentation": SEGMENTATION, "classification": CLASSIFICATION}

HEADLINES = (
    ("segmentation", "dsc_lesion", "Lesion-only Dice", "How well lesions are outlined; a missed one counts 0."),
    ("segmentation", "normal_empty_share", "Normals left empty", "Share of normal images without any outline."),
    ("segmentation", "dsc_all", "All-image Dice", "The paper's figure: both of the former in one mean."),
    ("classification", "accuracy", "Accuracy", "Share of images put into the right of three classes."),
    ("classification", "f1_weighted", "Weighted F1", "Per-class F1, weighted by how often each class occurs."),
    ("classification", "auroc_malignant", "AUROC malignant", "How often a malignant image outranks another."),
)

TABLE5 = (
    ("segmentation", "dsc_benign", "DSC benign"),
    ("segmentation", "dsc_malignant", "DSC malignant"),
    ("segmentation", "dsc_normal", "DSC normal"),
    ("segmentation", "dsc_all", "DSC all"),
    ("segmentation", "dsc_lesion", "DSC lesions"),
    ("classification", "f1_benign", "F1 benign"),
    ("classification", "f1_malignant", "F1 malignant"),
    ("classification", "f1_normal", "F1 normal"),
    ("classification", "f1_weighted", "F1 weighted"),
    ("classification", "accuracy", "Accuracy"),
)
"""The columns of the paper's Table 5, and the lesions on their own."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one variant, ready to print; `low`, `high` and `at` are per cent of the way from 0 to 1."""

    text: str
    spread: str = ""
    interval: str = ""
    at: float | None = None
    low: float = 0.0
    high: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure without and with refining, side by side."""

    name: str
    note: str
    raw: Figure
    refined: Figure
    change: str
    verdict: str
    n: str


def find_metric(block: str, key: str) -> Metric:
    """Return how a figure is written; one that is not listed goes under its own key."""
    return next((metric for metric in METRICS[block] if metric.key == key), Metric(key, key.replace("_", " ")))


def metric_rows(metrics: Mapping[str, Any], block: str) -> list[Row]:
    """Return one row per figure of a block, in the order of `METRICS`; figures not listed there follow."""
    present = {**_block(metrics, "raw", block), **_block(metrics, "refined", block)}
    listed = [metric.key for metric in METRICS[block] if metric.key in present]
    keys = listed + [key for key in present if key not in listed]
    return [row(metrics, block, find_metric(block, key)) for key in keys]


def headline_rows(metrics: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the headline cards; those whose block is missing are left out."""
    return [
        row(metrics, block, find_metric(block, key), name, note)
        for block, key, name, note in HEADLINES
        if key in _block(metrics, "raw", block)
    ]


def row(metrics: Mapping[str, Any], block: str, metric: Metric, name: str = "", note: str = "") -> Row:
    """Return one figure without and with refining."""
    raw, refined = (_block(metrics, variant, block).get(metric.key, {}) for variant in ("raw", "refined"))
    change = metric.change(raw.get("mean"), refined.get("mean"))
    better = change and change.startswith("+") == (metric.better == "higher")
    return Row(
        name=name or metric.name,
        note=note or working_point(raw),
        raw=figure(metric, raw),
        refined=figure(metric, refined),
        change=change,
        verdict="" if not change else "better" if better else "worse",
        n=f"{raw['n']} {raw['unit']}" if "n" in raw else "",
    )


def figure(metric: Metric, entry: Entry) -> Figure:
    """Return an entry of `metrics.json` ready to print."""
    mean = entry.get("mean")
    low, high = entry.get("ci95") or (mean or 0.0, mean or 0.0)
    return Figure(
        text=metric.text(mean),
        spread=metric.spread(entry),
        interval=metric.interval(entry),
        at=None if mean is None else _percent(mean),
        low=_percent(low),
        high=_percent(high),
        reason=entry.get("reason", ""),
    )


def working_point(entry: Entry) -> str:
    """Return how the threshold behind a figure was chosen; nothing for other figures."""
    if "chosen" not in entry:
        return ""
    reached = "" if entry["reached"] is None else f"; reached {100 * entry['reached']:.1f} % on the other side"
    return f"threshold chosen {entry['chosen']}{reached}"


def table5(metrics: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, list[Figure]]]]:
    """Return the paper's Table 5 for this model: column names, and one row without and one with refining."""
    columns = [(block, key, name) for block, key, name in TABLE5 if key in _block(metrics, "raw", block)]
    rows = [
        (label, [figure(find_metric(b, k), _block(metrics, variant, b).get(k, {})) for b, k, _ in columns])
        for variant, label in (("raw", "raw"), ("refined", "refined"))
    ]
    return [name for _, _, name in columns], rows


def fold_rows(metrics: Mapping[str, Any], variant: str = "refined") -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return each fold's figures: the folds' names, and one row per figure; nothing without folds."""
    names = list(metrics["counts"]["folds"])
    entries = [
        (metric, entry)
        for block in METRICS
        for key, entry in _block(metrics, variant, block).items()
        if "folds" in entry and (metric := find_metric(block, key))
    ]
    return names, [(metric.name, [metric.text(value) for value in entry["folds"]]) for metric, entry in entries]


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested provenance as dotted keys and text; a long list is given by its length and first entries."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            shown = ", ".join(str(entry) for entry in value[:8])
            yield name, shown if len(value) <= 8 else f"{len(value)} entries: {shown}, ..."
        else:
            yield name, "" if value is None else str(value)


def _block(metrics: Mapping[str, Any], variant: str, block: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = metrics.get(variant, {}).get(block, {})
    return found


def _percent(value: float) -> float:
    return round(100 * min(max(value, 0.0), 1.0), 2)
