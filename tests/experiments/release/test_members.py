import dataclasses

import pytest

from echoduet.config.schema import ExperimentConfig
from echoduet.experiments.release import members
from echoduet.experiments.release.members import Members, find_bundles
from echoduet.models.bundle import save_bundle
from echoduet.models.info import BundleInfo
from echoduet.models.registry import build_network
from echoduet.splits.folds import clean_folds
from echoduet.training.run import divide, manifest_digest

SEED = 4
CONFIG = ExperimentConfig.model_validate(
    {
        "preprocess": {"size": 32},
        "model": {"architecture": "efficientnet_lite0", "tasks": "classification"},
        "split": {"protocol": "clean", "folds": 2, "train_share": 0.5},
    }
)


@pytest.fixture
def source(easy, tmp_path):
    return Members(CONFIG, easy, clean_folds(easy.cases, folds=2, train_share=0.5), tmp_path / "runs")


@pytest.fixture
def trained(monkeypatch):
    """Train nothing; record what would be."""
    calls = []

    def train_fold(config, manifest, splits, fold, out, resume, progress):
        calls.append((fold, config.seed, out, resume))
        return out / "model.safetensors"

    monkeypatch.setattr(members, "train_fold", train_fold)
    return calls


def finished(source, place, fold=0, seed=SEED, config=CONFIG, **provenance):
    """Leave a bundle below the runs, as training of that fold and seed does."""
    parts = divide(source.config, source.manifest, source.splits, fold)
    said = {
        "fold": fold, "train_ids": list(parts.train), "val_ids": list(parts.val), "test_ids": list(parts.test),
        "manifest_sha256": manifest_digest(source.manifest), **provenance,
    }  # fmt: skip
    path = source.runs / place / "model.safetensors"
    save_bundle(
        path, build_network(config.model), BundleInfo(config.model_copy(update={"seed": seed}), provenance=said)
    )
    return path


def test_what_is_missing_is_trained_in_its_own_place(source, trained):
    member = source.get(1, SEED, find_bundles(source.runs))
    assert member.trained
    assert trained == [(1, SEED, source.runs / "fold_1" / "seed_4", True)]
    source.get(None, 0, ())
    assert trained[1] == (None, 0, source.runs / "final" / "seed_0", True)


@pytest.mark.parametrize("fold", [0, None])
def test_a_finished_run_is_found_wherever_it_lies(source, trained, fold):
    renamed = CONFIG.model_copy(
        update={
            "name": "a cell of an ablation",
            "runtime": CONFIG.runtime.model_copy(update={"threads": 1}),
            "inference": CONFIG.inference.model_copy(update={"flip": True}),
        }
    )
    path = finished(source, "ablation/MT/seed_4", fold, config=renamed)
    member = source.get(fold, SEED, find_bundles(source.runs))
    assert (member.model, member.trained, trained) == (path, False, [])


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 5},
        {"config": CONFIG.model_copy(update={"oversampling": "none"})},
        {"manifest_sha256": "of other cases"},
        {"test_ids": ["benign (1)"]},
        {"fold": 1},
    ],
)
def test_a_run_that_differs_in_what_matters_is_not(source, trained, change):
    finished(source, "other", **change)
    assert source.get(0, SEED, find_bundles(source.runs)).trained
    assert len(trained) == 1


def test_other_cases_are_other_runs(source, trained, easy):
    finished(source, "same")
    changed = easy.with_cases([dataclasses.replace(easy.cases[0], sha256="0" * 64), *easy.cases[1:]])
    assert dataclasses.replace(source, manifest=changed).get(0, SEED, find_bundles(source.runs)).trained


def test_what_cannot_be_read_is_nobodys_member(source):
    path = finished(source, "whole")
    (source.runs / "torn").mkdir()
    (source.runs / "torn" / "model.safetensors").write_bytes(path.read_bytes()[:900])
    assert [found.model for found in find_bundles(source.runs)] == [path]
    assert find_bundles(source.runs / "nowhere") == ()
