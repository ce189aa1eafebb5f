"""The learning curves of a run."""

from __future__ import annotations

import numpy as np
from PIL import Image

from echoduet.reporting.curves import write_curves


def rows(epochs: int) -> list[dict]:
    return [
        {
            "epoch": epoch,
            "learning_rate": 0.1 / epoch,
            "train": {"loss": 1 / epoch},
            "validation": {"loss": 1.2 / epoch, "accuracy": 0.5},
            "best_epoch": epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def test_the_picture_shows_the_losses(tmp_path):
    write_curves(rows(5), tmp_path / "five.png")
    write_curves(rows(2), tmp_path / "two.png")
    five, two = (np.asarray(Image.open(tmp_path / name).convert("L"), float) for name in ("five.png", "two.png"))
    assert five.shape == two.shape
    assert five.shape[1] > 1000
    assert np.abs(five - two).max() > 100


def test_a_run_without_masks_has_curves_too(tmp_path):
    write_curves(rows(1), tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000
