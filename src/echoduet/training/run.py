"""One training run from manifest to bundle: split, check, cache, fit, save."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from echoduet.config.schema import ExperimentConfig
from echoduet.data.cache import CachedSet, load_cached
from echoduet.data.manifest import Manifest
from echoduet.errors import LeakError
from echoduet.models.bundle import save_bundle
from echoduet.models.info import BundleInfo
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES
from echoduet.runs import RunFolder, environment
from echoduet.splits.folds import make_splits
from echoduet.splits.holdout import hold_out
from echoduet.splits.leakage import require_no_leak
from echoduet.splits.table import SIDES, SplitTable
from echoduet.training.loop import Trainer, fit
from echoduet.transforms.preprocess import Preprocess


@dataclass(frozen=True, slots=True)
class Division:
    """Which cases a run learns from, stops by, and must not see; `fold` is None when nothing is held out for a test."""

    fold: int | None
    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]


def divide(config: ExperimentConfig, manifest: Manifest, splits: SplitTable | None, fold: int | None) -> Division:
    """Return the parts of `fold`, from `splits` or else from the configuration's protocol, checked for leaks.

    Without a fold, all cases become train and val.

    Raises:
        SplitError: the fold does not exist, or the folds cannot be made.
        LeakError: copies or one patient stand on both sides, and `split.allow_leaks` does not allow it.
    """
    if fold is None:
        table, number = hold_out(manifest.cases, config.split), 0
    else:
        table, number = splits or make_splits(manifest.cases, config.split), fold
    if config.split.allow_leaks:
        table.require_matches(manifest.cases)
    else:
        require_no_leak(table, manifest.cases)
    return Division(fold, *(table.ids(number, part) for part in SIDES))


def train_fold(
    config: ExperimentConfig,
    manifest: Manifest,
    splits: SplitTable | None,
    fold: int | None,
    out: Path,
    resume: bool = False,
    progress: Progress = silent,
) -> Path:
    """Train on one fold and leave a complete run folder.

    Args:
        config: the experiment.
        manifest: the cases.
        splits: the folds; None for the configuration's protocol.
        fold: which fold; None to train for use, with nothing held out for a test.
        out: the run folder.
        resume: continue the run that is there.
        progress: told about decoding and training steps.

    Returns:
        The bundle, `out/model.safetensors`.

    Raises:
        EchoDuetError: the data, split, configuration or output place cannot be used; the message says which and why.
    """
    if config.runtime.threads is not None:
        torch.set_num_threads(config.runtime.threads)
    parts = divide(config, manifest, splits, fold)
    data = load_cached(manifest.cases, Preprocess(config.preprocess), progress=progress)
    if not config.split.allow_leaks:
        require_no_equal_pixels(data, parts)
    trainer = Trainer(config, data.select(parts.train), data.select(parts.val))
    # The folder is made last: wrong data, splits or settings leave nothing behind.
    run = RunFolder.create(out, config.model_dump(mode="json"), resume, _learns_from(manifest, parts))
    network = fit(trainer, run, resume, progress)
    info = BundleInfo(
        config=config,
        classes=tuple(label.value for label in CLASSES),
        thresholds={"mask": config.inference.mask_threshold},
        provenance=_provenance(config, manifest, parts) | _shipped_epoch(config, run),
    )
    save_bundle(run.model, network, info)
    return run.model


def require_no_equal_pixels(data: CachedSet, parts: Division) -> None:
    """Refuse a division in which one image stands, pixel for pixel, on both sides, whatever the manifest says.

    Raises:
        LeakError: two cases of different parts have equal pixels.
    """
    part_of = {case_id: name for name in ("train", "val", "test") for case_id in getattr(parts, name)}
    first: dict[bytes, str] = {}
    for case_id, image in zip(data.case_ids, data.images, strict=True):
        if case_id not in part_of:
            continue
        other = first.setdefault(hashlib.sha256(image.numpy().tobytes()).digest(), case_id)
        if part_of[case_id] != part_of[other]:
            raise LeakError(
                f'The split leaks: "{other}" ({part_of[other]}) and "{case_id}" ({part_of[case_id]}) are the same '
                "image. Run `echoduet curate` on the data and train on the manifest it writes."
            )


def _learns_from(manifest: Manifest, parts: Division) -> dict[str, Any]:
    sides = json.dumps([sorted(parts.train), sorted(parts.val), sorted(parts.test)])
    return {
        "fold": parts.fold,
        "cases_sha256": manifest_digest(manifest),
        "parts_sha256": hashlib.sha256(sides.encode()).hexdigest(),
    }


def _shipped_epoch(config: ExperimentConfig, run: RunFolder) -> dict[str, Any]:
    last = run.rows()[-1]
    epoch = last["best_epoch"] if config.optim.select == "best" else last["epoch"]
    return {"epoch": epoch, "validation": next(row["validation"] for row in run.rows() if row["epoch"] == epoch)}


def _provenance(config: ExperimentConfig, manifest: Manifest, parts: Division) -> dict[str, Any]:
    surroundings = environment()
    return {
        "fold": parts.fold,
        "leaks_allowed": config.split.allow_leaks,
        "train_ids": list(parts.train),
        "val_ids": list(parts.val),
        "test_ids": list(parts.test),
        "manifest_sha256": manifest_digest(manifest),
        "image_sha256": {case.case_id: case.sha256 for case in manifest.cases},
        "source": manifest.source,
        "git_revision": surroundings["git_revision"],
        "versions": surroundings["packages"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def manifest_digest(manifest: Manifest) -> str:
    """Return the SHA-256 of the list of cases: ids, classes and image contents, in any order."""
    rows = sorted(f"{case.case_id}\t{case.label}\t{case.sha256}" for case in manifest.cases)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
