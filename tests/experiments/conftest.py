"""A network that reads the answer off the image, and a data set that it answers rightly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from echoduet.config.schema import ExperimentConfig
from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest, build_manifest
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import BundleInfo
from echoduet.models.outputs import Output


class Bright(nn.Module):
    """Lesion where the image is bright; much of it is malignant, none is normal."""

    def forward(self, image: Tensor) -> Output:
        level = 100 * (image > 0.5).float().mean(dim=(1, 2, 3))
        return Output(((image - 0.5) * 40,), torch.stack([level, level - (20 - level) / 2, 1 - level], dim=1))


def draw(folder: Path, name: str, size: tuple[int, int], side: int, seed: int) -> None:
    """Write `name.png`, noise with a bright square of `side` pixels, and the square as its mask."""
    image = np.random.default_rng(seed).integers(0, 60, size, dtype=np.uint8)
    lesion = np.zeros(size, bool)
    lesion[20 : 20 + side, 30 : 30 + side] = True
    image[lesion] = 240
    write_png(folder / f"{name}.png", image)
    write_png(folder / f"{name}_mask.png", lesion)


@pytest.fixture
def easy(tmp_path: Path) -> Manifest:
    """Twelve images of several sizes in BUSI's layout, each easy for `Bright`."""
    for number in range(1, 5):
        for k, (label, side) in enumerate({"benign": 30, "malignant": 60, "normal": 0}.items()):
            draw(tmp_path / "easy" / label, f"{label} ({number})", (96, 96 + 16 * number), side, 10 * number + k)
    return build_manifest(tmp_path / "easy")


@pytest.fixture
def bright() -> Callable[..., Predictor]:
    """Return a predictor of `Bright`; `bright(train_ids=[...])` sets its provenance."""

    def make(**provenance: object) -> Predictor:
        config = ExperimentConfig.model_validate({"preprocess": {"size": 96, "interpolation": "nearest"}})
        return Predictor(Bright(), BundleInfo(config=config, provenance=provenance), batch_size=5)

    return make
