"""A network that reads the answer off the image, and a data set that it answers rightly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from echoduet.config.load_grid import load_grid
from echoduet.config.schema import ExperimentConfig
from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest, build_manifest
from echoduet.experiments import folds
from echoduet.experiments.grid import cell
from echoduet.experiments.grid.ablation import Ablation, claimed
from echoduet.experiments.grid.jobs import Job
from echoduet.inference.predictor import Predictor
from echoduet.models.info import BundleInfo
from echoduet.models.outputs import Output
from echoduet.runs import RunFolder
from echoduet.splits.folds import clean_folds


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
        return Predictor.of_network(Bright(), BundleInfo(config=config, provenance=provenance), batch_size=5)

    return make


GRID = """
name: tiny
set: {preprocess.size: 96, preprocess.interpolation: nearest, optim.epochs: 3, split.folds: 2, split.protocol: clean}
seeds: [1, 2]
at_sizes: [64, native]
settings:
  Seg: {set: {model.tasks: segmentation}}
  Cls: {set: {model.tasks: classification}}
  MT: {}
rows:
  Seg: {from: Seg}
  Seg+Cls+PR: {segmentation: Seg, classification: Cls, refined: true}
  MT+PR: {from: MT, refined: true}
"""


@pytest.fixture
def make_ablation(easy: Manifest, tmp_path: Path) -> Callable[..., Ablation]:
    """Return a maker of a tiny grid on `easy`: `make_ablation("seeds: [1, 2]", "seeds: [1]")` replaces a text in it."""

    def make(*replaced: str, out: str = "out", manifest: Manifest = easy, seed: int = 1993) -> Ablation:
        text = GRID.replace(*replaced) if replaced else GRID
        (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
        return Ablation(
            load_grid(tmp_path / "grid.yaml"), manifest, clean_folds(manifest.cases, 2, seed), tmp_path / out
        )

    return make


class Trained(list[str]):
    """What was trained, in order; `failing` names settings whose training fails."""

    failing: frozenset[str] = frozenset()


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, bright: Callable[..., Predictor]) -> Trained:
    """Train nothing in the cells of a grid: leave a run folder as training does, and answer with `Bright`."""
    done = Trained()

    def train_fold(config, manifest, splits, fold, out, resume, progress):
        if config.name in done.failing:
            raise ValueError(f"no {config.name} today")
        run = RunFolder.create(out, config.model_dump(mode="json"), resume)
        for epoch in range(len(run.rows()) + 1, config.optim.epochs + 1):
            run.log({"epoch": epoch, "seconds": 0.5})
        run.checkpoint.touch()
        run.model.write_text(f"{config.name} {config.seed} {fold}")
        done.append(f"{config.name} {config.seed} {fold}")
        return run.model

    class AlwaysBright:
        @staticmethod
        def load(path: Path, device: str, runtime: str = "torch") -> Predictor:
            assert path.exists()
            return bright()

    def join_members(job, folder):
        names = [one.folder.joinpath("model.safetensors").read_text() for one in job.joined]
        folder.joinpath("model.safetensors").write_text(" + ".join(names))
        done.append(" + ".join(names))
        return folder / "model.safetensors"

    monkeypatch.setattr(cell, "train_fold", train_fold)
    monkeypatch.setattr(cell, "join_members", join_members)
    monkeypatch.setattr(cell, "read_info", lambda path: BundleInfo(ExperimentConfig(), thresholds={"mask": 0.4}))
    monkeypatch.setattr(folds, "Predictor", AlwaysBright)
    return done


@pytest.fixture
def with_ensemble(make_ablation: Callable[..., Ablation], trained: Trained) -> tuple[Ablation, list[Job]]:
    """Return a grid whose setting MT is finished, its ensembles too, and those cells in order."""
    ablation = make_ablation("MT+PR: {from: MT, refined: true}", "MT+E: {from: MT, ensemble: true}")
    done = [job for job in ablation.cells if job.setting == "MT"]
    with claimed(ablation):
        for job in done:
            cell.run_cell(job)
    return ablation, done
