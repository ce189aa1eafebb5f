"""What every experiment over folds does: tell its folds apart from other folds, and score one part of one fold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from echoduet.data.manifest import Manifest
from echoduet.experiments.evaluate import Scores, evaluate
from echoduet.inference.predictor import Predictor
from echoduet.progress import Progress, silent
from echoduet.splits.table import Part, SplitTable


def splits_digest(splits: SplitTable) -> str:
    """Return the SHA-256 of which case stands where in each fold."""
    rows = sorted(f"{row.case_id}\t{row.fold}\t{row.part}" for row in splits.rows)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def score_part(
    model: Path,
    manifest: Manifest,
    splits: SplitTable,
    fold: int,
    part: Part,
    at_sizes: Sequence[int | None],
    progress: Progress = silent,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> tuple[Scores, ...]:
    """Score a fold's model on one part of that fold, on each of the grids `at_sizes`; see `evaluate`."""
    case_ids = splits.ids(fold, part)
    predictor = Predictor.load(model, device, runtime="torch")
    return evaluate(predictor, manifest, case_ids, dict.fromkeys(case_ids, fold), at_sizes, progress)
