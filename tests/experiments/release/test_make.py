import dataclasses
import json

import pytest
import torch

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError, SplitError
from echoduet.evaluation.cases import read_cases
from echoduet.experiments.release import make, members
from echoduet.experiments.release.make import Recipe, release
from echoduet.experiments.release.outoffold import release_metrics
from echoduet.files import file_sha256
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle
from echoduet.runs import environment
from echoduet.splits.folds import make_splits
from echoduet.splits.holdout import hold_out
from echoduet.splits.table import SplitTable

CONFIG = ExperimentConfig.model_validate(
    {
        "name": "tiny",
        "oversampling": "none",
        "preprocess": {"size": 32},
        "model": {"architecture": "efficientnet_lite0", "deep_supervision": False},
        "split": {"protocol": "clean", "folds": 2, "train_share": 0.5},
        "optim": {"optimizer": "adamw", "learning_rate": 1e-3, "epochs": 1, "batch_size": 4, "early_stop": None},
        "inference": {"refining": "soft"},
        "runtime": {"precision": "float32", "device": "cpu", "threads": 1},
    }
)


@pytest.fixture
def recipe(easy, tmp_path):
    splits = make_splits(easy.cases, CONFIG.split)
    return Recipe(CONFIG, easy, splits, (0, 1), tmp_path / "runs", "float16", 17.0, "Squares on noise.")


@pytest.mark.slow
def test_a_release_is_whole_and_goes_on_where_it_was_killed(recipe, tmp_path, monkeypatch):
    out, results = tmp_path / "models" / "echoduet-tiny.safetensors", tmp_path / "results" / "echoduet-tiny"
    told = []

    looked = []
    monkeypatch.setattr(make, "environment", lambda: looked.append(results.exists()) or environment())

    def kill(member):
        told.append(member)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        release(recipe, out, results, after_member=kill)
    assert not out.exists()
    assert not results.exists()
    told.clear()
    done = release(recipe, out, results, after_member=told.append)
    assert looked == [False, False]  # its own rows must not count as changes of the checkout
    assert [(m.fold, m.seed, m.trained) for m in told] == [
        (0, 0, False), (0, 1, False), (1, 0, False), (1, 1, True), (None, 0, True), (None, 1, True),
    ]  # fmt: skip

    raw, refined = read_cases(results / "oof.csv")
    assert [score.case_id for score in raw] == [case.case_id for case in recipe.manifest]
    assert {score.case_id: score.fold for score in raw} == recipe.splits.test_folds()
    stored = json.loads((results / "metrics.json").read_text())
    assert stored.pop("rows") == {"oof.csv": file_sha256(results / "oof.csv")}
    assert {k: v for k, v in stored.items() if k != "provenance"} == json.loads(
        json.dumps({k: v for k, v in release_metrics(raw, refined).items() if k != "provenance"})
    )

    said = done.info.provenance
    held = hold_out(recipe.manifest.cases, CONFIG.split)
    assert set(said["train_ids"]) == set(held.ids(0, "train"))
    assert set(said["val_ids"]) == set(held.ids(0, "val"))
    assert said["test_ids"] == []
    assert said["out_of_fold"]["refined"]["accuracy"]["mean"] == stored["refined"]["classification"]["accuracy"]["mean"]
    assert done.info.config.model.members == 2
    assert {"mask", "temperature", "malignant_at_sensitivity_90"} <= set(done.info.thresholds)
    assert str(tmp_path) not in json.dumps(said)  # no place of this machine
    assert str(tmp_path) not in (results / "metrics.json").read_text()
    assert out.name in (tmp_path / "models" / "SHA256SUMS").read_text()
    assert said["refusals"]["cases"] == done.info.appearance.cases == len(recipe.manifest)
    assert {"refuse_not_ultrasound", "refuse_out_of_distribution"} <= set(done.info.thresholds)

    # Everything is there: nothing is trained, and the same comes out, byte for byte but for what the day brings.
    monkeypatch.setattr(members, "train_fold", None)
    before = {path.name: path.read_bytes() for path in (out, results / "oof.csv", results / "metrics.json")}
    release(recipe, out, results)
    assert {path.name: path.read_bytes() for path in (out, results / "oof.csv", results / "metrics.json")} == before

    # The scores are of weights as they ship: a smaller storage gives other answers, from the same runs.
    small = dataclasses.replace(recipe, storage="int8", seeds=(0,), max_mb=4.6)
    release(small, out.with_stem("small"), results.with_name("small"))
    assert out.with_stem("small").stat().st_size <= 4.6e6
    assert read_cases(results.with_name("small") / "oof.csv")[0] != raw
    image = torch.zeros(40, 50, dtype=torch.uint8).numpy()
    assert [p.case_id for p in Predictor.load(out.with_stem("small"), "cpu").predict([("x", image)])] == ["x"]
    assert len(load_bundle(out)[0].members) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"max_mb": 12.0}, r"would take 16\.\d MB, more than the 12 allowed: 2 members in float16"),
        ({"config": CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update={"tasks": "segmentation"})})},
         r"Set model\.tasks=both"),
        ({"config": CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update={"members": 3})})},
         r"Set model\.members=1"),
        ({"config": CONFIG.model_copy(update={"split": CONFIG.split.model_copy(update={"allow_leaks": True})})},
         r"cannot stand on a card"),
    ],
)  # fmt: skip
def test_what_cannot_ship_is_refused_before_any_training(recipe, tmp_path, monkeypatch, change, named):
    monkeypatch.setattr(members, "train_fold", None)
    out = tmp_path / "models" / "m.safetensors"
    with pytest.raises(ModelError, match=named):
        release(dataclasses.replace(recipe, **change), out, tmp_path / "results")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["easy"]


@pytest.mark.parametrize(
    ("copies", "named"), [(1, "The split has one fold"), (2, r'Case ".*" is tested by 2 folds\. A release')]
)
def test_a_split_that_tests_in_vain_is_refused_before_any_training(recipe, tmp_path, monkeypatch, copies, named):
    monkeypatch.setattr(members, "train_fold", None)
    first = [row for row in recipe.splits.rows if row.fold == 0]
    rows = [dataclasses.replace(row, fold=fold) for fold in range(copies) for row in first]
    with pytest.raises(SplitError, match=named):
        release(dataclasses.replace(recipe, splits=SplitTable(tuple(rows))), tmp_path / "m.safetensors", tmp_path / "r")


def test_a_strange_suffix_is_refused(recipe, tmp_path):
    with pytest.raises(ModelError, match=r"ends in \.safetensors"):
        release(recipe, tmp_path / "m.pth", tmp_path / "results")
