"""What every room's tests may use."""

from __future__ import annotations

import os

# Before torch or numpy are imported: several test workers on two cores would otherwise fight over threads.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from echoduet.experiments.comparison.arms import Arm

# A shared machine is slow at times: an example that takes long is not a failure. Same examples on every run.
settings.register_profile(
    "echoduet", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("echoduet")

RunCli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep decoded images of the tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHODUET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def busi_root() -> Path:
    """The real BUSI folder, found through the variable ECHODUET_BUSI."""
    root = os.environ.get("ECHODUET_BUSI")
    if not root:
        pytest.skip("ECHODUET_BUSI does not name the BUSI folder")
    return Path(root)


@pytest.fixture
def miniature_busi(tmp_path: Path) -> Path:
    """A dozen tiny images in BUSI's own layout, in a folder of the test's own."""
    from echoduet.data.sources import busi

    root = tmp_path / "Dataset_BUSI_with_GT"
    busi.write_miniature(root, seed=7)
    return root


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that gives every test the same numbers on every run."""
    return np.random.default_rng(1993)


@pytest.fixture
def run_cli(tmp_path: Path) -> RunCli:
    """Run the real command line in a process of its own: `run_cli("info", "--json", cwd=..., env={...})`."""

    def run(
        *args: object, cwd: Path = tmp_path, env: dict[str, str] | None = None, timeout: float = 240
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "echoduet.cli.main", *map(str, args)],
            cwd=cwd,
            env={**os.environ, "COLUMNS": "120", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def make_arm() -> Callable[..., Arm]:
    """Make one arm of a comparison without the cost of masks: `make_arm("MT", seeds=(1, 2), skill=0.8)`."""
    from echoduet.evaluation.cases import CaseScore
    from echoduet.experiments.comparison.arms import Arm
    from echoduet.records import CLASSES, Label

    def answer(rng: np.random.Generator, label: Label, skill: float, masks: bool, classes: bool) -> dict[str, object]:
        values: dict[str, object] = {}
        if masks:
            dice = float(rng.random() < skill) if label is Label.NORMAL else float(rng.random() ** (1 / skill - 0.9))
            values |= {"dice": dice, "iou": dice, "lesions": 1, "lesions_found": 1, "false_lesions": 0}
            values |= {"predicted_area": 0 if label is Label.NORMAL and dice else 60}
        if classes:
            p = rng.dirichlet(1 + 8 * skill * (np.arange(3) == label.position))
            values |= {f"p_{name}": float(value) for name, value in zip(CLASSES, p, strict=True)}
            values["predicted"] = CLASSES[int(p.argmax())]
        return values

    def make(
        name: str,
        n: int = 48,
        seeds: tuple[int, ...] = (1,),
        folds: int = 4,
        skill: float = 0.7,
        masks: bool = True,
        classes: bool = True,
        groups: bool = True,
        papers: bool = False,
    ) -> Arm:
        rows = {}
        if papers:  # as many cases of each class in each fold as the paper has, whatever `n` and `folds` say
            sizes = {Label.BENIGN: 222, Label.MALIGNANT: 164, Label.NORMAL: 64}
            kinds = [(label, i % 4) for label, size in sizes.items() for i in range(size)]
        else:
            kinds = [(CLASSES[i % 3], (i // 6) % folds if folds else None) for i in range(n)]
        for seed in seeds:
            rng = np.random.default_rng([seed, *name.encode()])
            rows[seed] = tuple(
                CaseScore(
                    f"c{i}",
                    label,
                    f"g{i // 6}-{label.position}" if groups else None,
                    fold,
                    10,
                    10,
                    reference_area=50,
                    **answer(rng, label, skill, masks, classes),
                )
                for i, (label, fold) in enumerate(kinds)
            )
        return Arm(name, rows)

    return make


@dataclass(frozen=True)
class Exported:
    """A bundle of two small networks, and the graphs made from it."""

    bundle: Path
    onnx: Path
    openvino: Path

    def graph(self, to: str) -> Path:
        """Return the graph for one runtime."""
        return self.onnx if to == "onnx" else self.openvino


@pytest.fixture(scope="session")
def save_untrained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save the bundle of a network that has learnt nothing: `save_untrained(model={...}, preprocess={...})`."""
    import torch

    from echoduet.config.schema import ExperimentConfig
    from echoduet.models.bundle import save_bundle
    from echoduet.models.ensemble import assemble
    from echoduet.models.info import BundleInfo

    def save(temperature: float = 0.8, **sections: dict[str, object]) -> Path:
        torch.manual_seed(3)
        config = ExperimentConfig.model_validate({"preprocess": {"size": 64}} | sections)
        path = tmp_path_factory.mktemp("untrained") / "model.safetensors"
        thresholds = {"mask": 0.45, "temperature": temperature}
        save_bundle(path, assemble(config.model), BundleInfo(config=config, thresholds=thresholds))
        return path

    return save


@pytest.fixture(scope="session")
def exported(save_untrained: Callable[..., Path]) -> Exported:
    """Export one bundle for every runtime, once."""
    from echoduet.export.make import export

    bundle = save_untrained(
        model={"architecture": "efficientnet_lite0_shallow", "members": 2}, inference={"flip": True}
    )
    folder = bundle.parent / "graphs"
    return Exported(
        bundle, export(bundle, "onnx", folder / "model.onnx"), export(bundle, "openvino", folder / "model.xml")
    )
