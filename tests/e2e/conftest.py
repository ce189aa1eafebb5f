"""One small study by the real command line, shared by the tests here: from a data-set folder to predictions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]

TINY = ["--config", "fast"]
for _key in (
    "preprocess.size=64",
    "model.pretrained=false",
    "optim.epochs=2",
    "optim.batch_size=4",
    "split.folds=2",
    "split.train_share=0.5",
    "runtime.threads=1",
):
    TINY += ["--set", _key]


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Run `echoduet` in a process of its own, with a cache of its own."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*words: object, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "echoduet.cli.main", *map(str, words)],
            env={**os.environ, "ECHODUET_CACHE": str(cache), "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Return options that make training on a miniature take a second."""
    return list(TINY)


@dataclass
class Study:
    """Where everything of the study lies, and how each command ended."""

    root: Path
    done: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "Dataset_BUSI_with_GT"

    @property
    def curated(self) -> Path:
        return self.root / "curated" / "manifest.csv"

    @property
    def splits(self) -> Path:
        return self.root / "splits.csv"

    @property
    def model(self) -> Path:
        return self.root / "run" / "model.safetensors"


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Study:
    """The miniature BUSI, and what manifest, curate, split, train, evaluate and predict made of it."""
    from echoduet.data.sources import busi

    made = Study(tmp_path_factory.mktemp("study"))
    busi.write_miniature(made.data, seed=7)
    out = made.root
    test_part = ("--splits", made.splits, "--fold", "0")
    for words in (
        ("manifest", made.data, "--out", out / "manifest.csv", "--no-verify"),
        ("curate", out / "manifest.csv", "--out", out / "curated", "--policy", "keep-one"),
        ("split", made.curated, "--protocol", "clean", "--folds", "2", "--train-share", "0.5", "--out", made.splits),
        ("train", *TINY, "--data", made.curated, *test_part, "--out", out / "run"),
        ("evaluate", "--model", made.model, "--data", made.curated, *test_part, "--out", out / "evaluation", "--json"),
        ("predict", made.data / "benign", "--model", made.model, "--out", out / "predictions"),
    ):
        made.done[words[0]] = cli(*words)
        assert made.done[words[0]].returncode == 0, made.done[words[0]].stderr
    return made
