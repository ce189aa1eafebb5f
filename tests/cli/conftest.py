"""What the commands that use a model need: a model, and a way to call them without a new process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SMALL = [
    "--set",
    "preprocess.size=32",
    "--set",
    "model.pretrained=false",
    "--set",
    "optim.epochs=1",
    "--set",
    "split.folds=2",
]
"""Options that make a shipped configuration train on a miniature in a second."""


@dataclass(frozen=True)
class Called:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


Call = Callable[..., Called]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call a command in this process: `call("predict", folder, "--out", out)`."""
    from echoduet.cli.main import main

    def run(*words: object) -> Called:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Called(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network has learnt nothing: its answers are poor, its file is whole."""
    import torch

    from echoduet.config.schema import ExperimentConfig
    from echoduet.models.bundle import save_bundle
    from echoduet.models.info import BundleInfo
    from echoduet.models.registry import build_network

    torch.manual_seed(1)
    config = ExperimentConfig.model_validate(
        {
            "preprocess": {"size": 32},
            "model": {"architecture": "efficientnet_lite0"},
            "split": {"folds": 2, "train_share": 0.5},
        }
    )
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    provenance = {"train_ids": ["benign (1)", "normal (2)"], "val_ids": ["malignant (3)"], "fold": 0}
    save_bundle(path, build_network(config.model), BundleInfo(config=config, provenance=provenance))
    return path


@pytest.fixture
def small() -> list[str]:
    """Return options that make a shipped configuration train on a miniature in a second."""
    return list(SMALL)
