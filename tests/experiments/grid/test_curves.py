"""What cells logged outlives them."""

from __future__ import annotations

import csv

from echoduet.experiments.grid.curves import write_curves
from echoduet.runs import RunFolder


def test_each_epoch_of_each_trained_cell_is_a_row(with_ensemble):
    ablation, done = with_ensemble
    RunFolder(done[-3].folder).log(
        {"epoch": 4, "seconds": 2.0, "train": {"loss": 0.5}, "validation": {"loss": 0.75, "accuracy": 0.25}}
    )
    path = write_curves(ablation, done)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["seed"], row["fold"], row["epoch"]) for row in rows] == [
        *((seed, fold, epoch) for seed in "12" for fold in "01" for epoch in "123"),
        ("2", "1", "4"),
    ]
    logged = rows[-1]
    assert (logged["train_loss"], logged["validation_loss"], logged["validation_accuracy"]) == ("0.5", "0.75", "0.25")
    assert (logged["validation_lesion_dice"], logged["seconds"]) == ("", "2.0")
