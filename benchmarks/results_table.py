"""Print the tables of docs/results.md from the per-case rows under results/: no model and no image is needed.

python benchmarks/results_table.py results/fast-paper-128/cases.csv
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from echoduet.evaluation.cases import read_cases
from echoduet.experiments.collect import metrics_json

SEGMENTATION = (
    "dsc_benign",
    "dsc_malignant",
    "dsc_normal",
    "dsc_all",
    "dsc_lesion",
    "iou_lesion",
    "nsd_lesion",
    "hd95_lesion",
    "assd_lesion",
    "normal_empty_share",
)
CLASSIFICATION = (
    "f1_benign",
    "f1_malignant",
    "f1_normal",
    "f1_weighted",
    "accuracy",
    "balanced_accuracy",
    "mcc",
    "auc_macro",
    "auroc_malignant",
    "auprc_malignant",
    "brier",
    "ece",
)


def rows(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield one Markdown row a metric: mean ± sd over folds and interval, raw and refined."""
    for block, names in (("segmentation", SEGMENTATION), ("classification", CLASSIFICATION)):
        for name in names:
            cells = [cell(metrics[variant][block][name]) for variant in ("raw", "refined")]
            yield f"| `{name}` | {' | '.join(cells)} |"


def cell(value: Mapping[str, Any]) -> str:
    """Return mean ± sd over folds (95 % interval)."""
    low, high = value["ci95"]
    digits = 1 if value["mean"] > 2 else 3
    mean, spread, low, high = (f"{number:.{digits}f}" for number in (value["mean"], value["sd_folds"], low, high))
    return f"{mean} ± {spread} ({low} to {high})"


def main(path: Path) -> None:
    """Print the table of one file of per-case rows."""
    raw, refined = read_cases(path)
    print("| metric | raw | refined |\n|---|---|---|")
    print("\n".join(rows(metrics_json(raw, refined, {}))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
