"""What the commands that score leave behind, and how they sum it up on the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from echoduet.experiments.evaluate import Example, Scores
    from echoduet.reporting.gallery import GalleryItem

SHOWN = {
    "segmentation": {
        "dsc_lesion": "lesion Dice",
        "dsc_all": "all-image Dice",
        "normal_empty_share": "normals left empty",
    },
    "classification": {"accuracy": "accuracy", "f1_weighted": "weighted F1", "auc_macro": "macro AUC"},
}
"""The few figures worth a line on the console; all others are in `metrics.json`."""


def write_results(
    out: Path,
    scores: Scores,
    title: str,
    meta: Mapping[str, Any],
    warnings: Sequence[str] = (),
    show: Callable[[Sequence[str]], Iterable[Example]] | None = None,
) -> dict[str, Any]:
    """Write `cases.csv`, `metrics.json` and, where `show` brings the pictures, `report.html`; return the metrics.

    Args:
        out: the folder to write to.
        scores: what was scored.
        title: the report's heading.
        meta: where the scores come from.
        warnings: what a reader must be told before believing them.
        show: returns the named cases with everything needed to draw them.
    """
    from echoduet.evaluation.cases import write_cases
    from echoduet.experiments.collect import metrics_json
    from echoduet.files import file_sha256, write_json
    from echoduet.reporting.gallery import gallery_cases
    from echoduet.reporting.html import write_evaluation_report

    meta = {"scored_at": scored_at(scores.at_size), "warnings": list(warnings), **meta}
    metrics = metrics_json(scores.raw, scores.refined, meta)
    write_cases(out / "cases.csv", scores.raw, scores.refined)
    metrics["rows"] = {"cases.csv": file_sha256(out / "cases.csv")}
    write_json(out / "metrics.json", metrics)
    if show is not None:
        dice = {score.case_id: score.dice for score in scores.refined}
        items = [_gallery_item(example, dice) for example in show(gallery_cases(scores.refined))]
        write_evaluation_report(out / "report.html", metrics, scores.raw, scores.refined, items, title)
    return metrics


def _gallery_item(example: Example, dice: Mapping[str, float | None]) -> GalleryItem:
    from echoduet.reporting.gallery import GalleryItem

    case, answer = example.case, example.answer
    return GalleryItem(
        case_id=case.case_id,
        image=example.image,
        reference=example.reference,
        predicted=answer.mask,
        label=case.label,
        predicted_label=answer.label,
        probabilities=answer.probabilities,
        dice=dice[case.case_id],
    )


def scored_at(size: int | None) -> str:
    """Return in words on which grid masks were scored."""
    return "each image's own size" if size is None else f"{size}x{size}, aspect ratio squashed"


def provenance(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `metrics.json` tells of a bundle: its provenance without the lists of cases, and this program's."""
    from echoduet.runs import environment

    kept = {key: value for key, value in model.items() if not key.endswith("_ids") and key != "image_sha256"}
    return {"model_provenance": kept, "environment": environment()}


def summary(metrics: Mapping[str, Any]) -> str:
    """Return a few figures, without and with refining, with the spread they have."""
    lines = [f"{metrics['n']} cases, scored at {metrics['provenance']['scored_at']}"]
    lines.append(f"{'':20}{'raw':>10}{'refined':>10}")
    for block, names in SHOWN.items():
        for key, name in names.items():
            values = [metrics[variant].get(block, {}).get(key) for variant in ("raw", "refined")]
            if all(value is not None for value in values):
                lines.append(f"{name:20}{_mean(values[0]):>10}{_mean(values[1]):>10}{_spread(values[1])}")
    return "\n".join(lines)


def _mean(value: Mapping[str, Any]) -> str:
    return "-" if value["mean"] is None else f"{value['mean']:.3f}"


def _spread(value: Mapping[str, Any]) -> str:
    told = []
    if value.get("sd_folds") is not None:
        told.append(f"sd over folds {value['sd_folds']:.3f}")
    if value.get("ci95"):
        told.append("95 % interval {:.3f} to {:.3f}".format(*value["ci95"]))
    return f"   ({', '.join(told)})" if told else ""
