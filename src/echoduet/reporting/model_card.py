"""The model card of a shipped bundle, made from the bundle and from the rows of its out-of-fold scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError
from echoduet.evaluation.cases import CaseScore, read_cases
from echoduet.experiments.release.outoffold import release_metrics
from echoduet.files import write_text
from echoduet.inference.refusal import threshold_name
from echoduet.models.info import BundleInfo, read_info
from echoduet.records import CLASSES, Ground, Label
from echoduet.reporting import tables
from echoduet.reporting.claim import checklist

POINT_NAMES = {
    "malignant_at_sensitivity_90": "chosen for 90 % sensitivity",
    "malignant_at_specificity_90": "chosen for 90 % specificity",
}


def write_card(path: Path, bundle: Path, rows: Path) -> Path:
    """Write the card of `bundle` and return its path.

    Args:
        path: the Markdown file.
        bundle: what `echoduet release` wrote.
        rows: the `oof.csv` it wrote with it; every score of the card is computed from these rows anew.

    Raises:
        ModelError: the bundle was not released, or with other rows.
        ManifestError: the rows cannot be read.
        OutputError: the card cannot be written.
    """
    write_text(path, render_card(bundle, rows))
    return path


def render_card(bundle: Path, rows: Path) -> str:
    """Return the text of the card; the same bundle and rows give the same text."""
    info = read_info(bundle)
    _require_its_rows(bundle, info, rows)
    raw, refined = read_cases(rows)
    metrics = release_metrics(raw, refined)
    environment = Environment(
        loader=PackageLoader("echoduet.reporting"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    values = card_view(bundle, info, rows, metrics) | {"disagreeing": disagreeing(refined)}
    return environment.get_template("model_card.md.jinja").render(**values).rstrip("\n") + "\n"


def _require_its_rows(bundle: Path, info: BundleInfo, rows: Path) -> None:
    told = info.provenance.get("out_of_fold")
    if told is None:
        raise ModelError(f"{bundle}: holds no out-of-fold scores. Make it with `echoduet release`.")
    try:
        found = hashlib.sha256(rows.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{rows}: cannot be read ({error.strerror}). Give the oof.csv of the release.") from error
    if found != told["rows_sha256"]:
        raise ModelError(f"{rows}: not the rows that {bundle.name} was released with. Restore them, or release again.")


def card_view(bundle: Path, info: BundleInfo, rows: Path, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the template names."""
    content = bundle.read_bytes()
    told = info.provenance["out_of_fold"]
    return {
        "name": bundle.stem,
        "rows": f"results/{rows.parent.name}/{rows.name}",
        "size": f"{len(content) / 1e6:.2f}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "info": info,
        "facts": facts(info, rows, metrics),
        "classes": CLASSES,
        "counts": metrics["counts"],
        "n": metrics["n"],
        "results": {block: tables.metric_rows(metrics, block) for block in tables.METRICS},
        "confusion": metrics["confusion"],
        "thresholds": threshold_rows(deciding(info.thresholds), told["thresholds"]),
        "refusals": refusal_rows(info),
        "tested": info.provenance.get("refusals", {}).get("cases", 0),
        "folds": list(told["thresholds"]),
        "points": point_rows(metrics["working_points"]),
        "reliability": metrics["reliability"],
        "malignant": metrics["malignant_calibration"],
        "claim": checklist(facts(info, rows, metrics)),
    }


def disagreeing(refined: Sequence[CaseScore]) -> dict[str, int]:
    """Return how many refined answers still contradict themselves: normal with an outline, a lesion without."""
    normal = [bool(row.predicted_area) for row in refined if row.predicted is Label.NORMAL]
    lesion = [bool(row.predicted_area) for row in refined if row.predicted is not Label.NORMAL]
    return {"outlined": sum(normal), "empty": len(lesion) - sum(lesion)}


def threshold_rows(shipped: Mapping[str, float], per_fold: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Return one row a threshold: its name, what ships, what each fold was scored at; a dash where there is none."""
    names = list(dict.fromkeys([*shipped, *(name for chosen in per_fold.values() for name in chosen)]))
    every = [shipped, *per_fold.values()]
    return [
        [name, *(f"{chosen[name]:.4g}" if name in chosen else tables.UNDEFINED for chosen in every)] for name in names
    ]


def deciding(thresholds: Mapping[str, float]) -> dict[str, float]:
    """Return the thresholds by which an answer is made: those of refusals stand in a table of their own."""
    refusing = {threshold_name(ground) for ground in Ground}
    return {name: value for name, value in thresholds.items() if name not in refusing}


def refusal_rows(info: BundleInfo) -> list[list[str]]:
    """Return one row a ground: its threshold, and how many cases it refused out of fold; none where it has none."""
    told = info.provenance.get("refusals")
    if told is None:
        return []
    counts = {str(ground): told["refused"][ground] for ground in Ground} | {"any of them": told["at_all"]}
    thresholds = {str(ground): f"{info.thresholds[threshold_name(ground)]:.4g}" for ground in Ground}
    return [
        [
            f"`{name}`" if name in thresholds else name,
            thresholds.get(name, ""),
            str(count),
            f"{count / told['cases']:.1%}",
        ]
        for name, count in counts.items()
    ]


def point_rows(points: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return one row a working point: what it was chosen for, and the sensitivity and specificity reached."""
    return [
        [POINT_NAMES[name], *(_share(point[side]) for side in ("sensitivity", "specificity")), point["chosen"]]
        for name, point in points.items()
    ]


def _share(entry: Mapping[str, Any]) -> str:
    metric = tables.Metric("", "", "share")
    interval = metric.interval(entry)
    return metric.text(entry["mean"]) + (f" ({interval})" if interval else "") + f", n {entry['n']}"


def facts(info: BundleInfo, rows: Path, metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return what the run knows about itself, in words."""
    config, said, counts = info.config, info.provenance, metrics["counts"]
    versions = {name: version for name, version in said["versions"].items() if version}
    return {
        "n": str(metrics["n"]),
        "groups": str(counts["groups"]),
        "seen": str(len(said.get("train_ids", ())) + len(said.get("val_ids", ()))),
        "folds": str(said["out_of_fold"]["folds"]),
        "classes": ", ".join(f"{counts['classes'][str(label)]} {label}" for label in CLASSES),
        "unoutlined": str(counts["lesion_images_without_outline"]),
        "rows": f"results/{rows.parent.name}/{rows.name}",
        "about": _sentence(said.get("about", ""), "What the data are: to be said by whoever released it."),
        "manifest": said.get("manifest_sha256", "unknown"),
        "revision": said.get("git_revision") or "unknown",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "architecture": config.model.architecture,
        "members": str(config.model.members),
        **_partition(config, said.get("split_given", False)),
        **_training(config),
    }


def _sentence(text: str, otherwise: str) -> str:
    text = " ".join(text.split()) or otherwise
    return text if text.endswith(".") else f"{text}."


def _partition(config: ExperimentConfig, given: bool) -> dict[str, str]:
    if given:
        return {"split": "Folds from a file.", "level": "Groups of copies, and patients where known: checked."}
    split = config.split
    return {
        "split": f"{split.folds} folds, stratified by class, seed {split.seed}; of the rest {split.train_share:.0%} to "
        "train on, the others for validation.",
        "level": "Groups of copies, and patients where known."
        if split.protocol == "clean"
        else "Images; no known group of copies or patient stands on both sides: checked.",
    }


def _training(config: ExperimentConfig) -> dict[str, str]:
    optim, inference = config.optim, config.inference
    resize = "aspect ratio squashed" if config.preprocess.aspect == "squash" else "aspect ratio kept, black around"
    stop = f", at most, stopping after {optim.early_stop} without progress" if optim.early_stop else ""
    kept = "the last epoch" if optim.select == "last" else "the epoch of least validation loss"
    return {
        "preprocess": f"{config.preprocess.size}x{config.preprocess.size}, {config.preprocess.interpolation}, {resize}",
        "initial": "ImageNet weights of the encoder; the rest at random." if config.model.pretrained else "At random.",
        "training": f"{optim.optimizer}, learning rate {optim.learning_rate:g}, {optim.schedule}, {optim.epochs} epochs"
        f"{stop}, batch {optim.batch_size}; oversampling {config.oversampling}.",
        "selection": f"Weights of {kept}. No choice was made on a test part.",
        "ensembling": _ensembling(config.model.members, inference.flip),
    }


def _ensembling(members: int, flip: bool) -> str:
    over = [f"of {members} members that differ in their seed"] if members > 1 else []
    over += ["of an image and its mirror image"] if flip else []
    return f"Mean of the probabilities {' and '.join(over)}." if over else "None."
