"""Small sets and small configurations to train on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from echoduet.config.schema import ExperimentConfig
from echoduet.data.cache import CachedSet

MakeSet = Callable[..., CachedSet]

TINY = {
    "oversampling": "none",
    "preprocess": {"size": 32},
    "model": {"architecture": "efficientnet_lite0", "deep_supervision": False},
    "optim": {"optimizer": "adamw", "learning_rate": 2e-3, "epochs": 3, "batch_size": 4, "early_stop": None},
    "augment": {"rotate": 20, "gamma": [0.8, 1.2], "speckle": 0.2, "speckle_probability": 0.5},
    "runtime": {"deterministic": True, "precision": "float32", "device": "cpu"},
}


@pytest.fixture
def tiny() -> Callable[..., ExperimentConfig]:
    """Return a small experiment; `tiny(optim={"epochs": 1})` changes keys."""

    def make(**sections: object) -> ExperimentConfig:
        merged = {
            name: {**TINY.get(name, {}), **value} if isinstance(value, dict) else value
            for name, value in {**TINY, **sections}.items()
        }
        return ExperimentConfig.model_validate(merged)

    return make


@pytest.fixture
def make_set() -> MakeSet:
    """Return a set of dark images; benign ones hold a bright square, malignant ones a bright bar, normals nothing."""

    def make(n: int = 8, side: int = 32, seed: int = 0) -> CachedSet:
        generator = torch.Generator().manual_seed(seed)
        images = torch.randint(10, 60, (n, 1, side, side), dtype=torch.uint8, generator=generator)
        masks, labels = torch.zeros_like(images), torch.arange(n) % 3
        for row, label in enumerate(labels.tolist()):
            top, left = torch.randint(4, 12, (2,), generator=generator).tolist()
            height, width = {0: (12, 12), 1: (16, 6), 2: (0, 0)}[label]
            masks[row, 0, top : top + height, left : left + width] = 1
        images[masks > 0] = 230
        return CachedSet(tuple(f"case {i}" for i in range(n)), images, masks, labels)

    return make
