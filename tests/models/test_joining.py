from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle, save_bundle
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.joining import join_bundles
from echoduet.models.registry import build_network

CONFIG = ExperimentConfig.model_validate(
    {"preprocess": {"size": 64}, "model": {"architecture": "efficientnet_lite0"}, "inference": {"flip": True}}
)


def member(path: Path, seed: int, **changes: object) -> Path:
    torch.manual_seed(seed)
    config = CONFIG.model_copy(update={"seed": seed, **changes})
    provenance = {
        "fold": seed, "manifest_sha256": "abc", "train_ids": ["a", f"t{seed}"], "val_ids": [f"t{1 - seed}", "v"],
        "test_ids": ["z", f"t{seed}"], "image_sha256": {"a": "1", f"t{seed}": str(seed)}, "epoch": seed,
    }  # fmt: skip
    thresholds = {"mask": 0.4, "normal_at": 0.1 * seed}
    save_bundle(path, build_network(config.model), BundleInfo(config, thresholds=thresholds, provenance=provenance))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    return [member(tmp_path / f"{seed}.safetensors", seed) for seed in (0, 1)]


def images() -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(3)
    return [(f"{i}", rng.integers(0, 255, (70, 90 + i), dtype=np.uint8)) for i in range(3)]


def test_a_predictor_serves_it_like_any_other(pair: list[Path], tmp_path: Path) -> None:
    join_bundles(pair, tmp_path / "joined.safetensors")
    joined = Predictor.load(tmp_path / "joined.safetensors", "cpu").answers(images())
    alone = [Predictor.load(path, "cpu").answers(images()) for path in pair]
    for answer, *members in zip(joined, *alone, strict=True):
        np.testing.assert_allclose(answer.lesion, np.mean([m.lesion for m in members], axis=0), atol=1e-5)
        np.testing.assert_allclose(answer.classes, np.mean([m.classes for m in members], axis=0), atol=1e-5)


@pytest.mark.parametrize(("storage", "share", "tolerance"), [("float16", 0.52, 0.003), ("int8", 0.29, 0.06)])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_smaller_storage_answers_nearly_the_same(pair, tmp_path, storage, share, tolerance, suffix) -> None:
    whole, small = tmp_path / "whole.safetensors", tmp_path / f"small{suffix}"
    join_bundles(pair, whole)
    join_bundles(pair, small, storage)
    assert small.stat().st_size < share * whole.stat().st_size
    network, info = load_bundle(small)
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32, torch.int64}
    assert info.provenance["storage"] == storage
    for a, b in zip(*(Predictor.load(path, "cpu").answers(images()) for path in (whole, small)), strict=True):
        np.testing.assert_allclose(a.lesion, b.lesion, atol=tolerance)
        np.testing.assert_allclose(a.classes, b.classes, atol=tolerance)
        assert (a.lesion != b.lesion).any()  # it is smaller indeed


def test_it_says_what_its_members_met_and_where_they_differ(pair: list[Path], tmp_path: Path) -> None:
    info = join_bundles(pair, tmp_path / "joined.pth", provenance={"git_revision": "r"})
    assert read_info(tmp_path / "joined.pth") == info
    assert info.config.model.members == 2
    assert info.thresholds == {"mask": 0.4}  # they disagree on the rest
    said = info.provenance
    assert (said["train_ids"], said["val_ids"], said["test_ids"]) == (["a", "t0", "t1"], ["v"], ["z"])
    assert said["image_sha256"] == {"a": "1", "t0": "0", "t1": "1"}
    assert said["members"] == [{"fold": 0, "epoch": 0}, {"fold": 1, "epoch": 1}]
    assert (said["manifest_sha256"], said["git_revision"]) == ("abc", "r")


def test_ensembles_join_too_and_one_alone_stays_one(pair: list[Path], tmp_path: Path) -> None:
    join_bundles(pair, tmp_path / "two.safetensors")
    three = join_bundles(
        [tmp_path / "two.safetensors", pair[0]], tmp_path / "three.safetensors", thresholds={"mask": 0.3}
    )
    assert (three.config.model.members, three.thresholds) == (3, {"mask": 0.3})
    assert len(load_bundle(tmp_path / "three.safetensors")[0].members) == 3
    assert join_bundles(pair[:1], tmp_path / "one.safetensors").config.model.members == 1
    weights = [load_bundle(path)[0].state_dict() for path in (pair[0], tmp_path / "one.safetensors")]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())


def test_bundles_of_different_experiments_do_not_join(pair: list[Path], tmp_path: Path) -> None:
    other = member(tmp_path / "other.safetensors", 1, oversampling="none")
    with pytest.raises(ModelError, match=r"other\.safetensors: was trained with another oversampling than .*0\.safe"):
        join_bundles([pair[0], other], tmp_path / "joined.safetensors")
    with pytest.raises(ModelError, match="no bundle to join"):
        join_bundles([], tmp_path / "joined.safetensors")
    assert not (tmp_path / "joined.safetensors").exists()
