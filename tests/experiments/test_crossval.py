import dataclasses
import json

import pytest

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import OutputError, SplitError
from echoduet.evaluation.cases import read_cases
from echoduet.experiments import crossval
from echoduet.experiments import folds as folds_room
from echoduet.experiments.crossval import cross_validate, fold_folder, show_fold_examples
from echoduet.splits.folds import clean_folds, read_splits


@pytest.fixture
def config():
    return ExperimentConfig.model_validate({"preprocess": {"size": 96, "interpolation": "nearest"}})


@pytest.fixture
def trained(monkeypatch, bright):
    """Train nothing: leave a placeholder, answer with `Bright`, and record which folds were asked for."""
    folds = []

    def train_fold(config, manifest, splits, fold, out, resume, progress):
        folds.append((fold, resume))
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.safetensors").touch()
        return out / "model.safetensors"

    class AlwaysBright:
        @staticmethod
        def load(path, device="auto", runtime="torch"):
            assert path.exists()
            return bright()

    monkeypatch.setattr(crossval, "train_fold", train_fold)
    for room in (crossval, folds_room):
        monkeypatch.setattr(room, "Predictor", AlwaysBright)
    return folds


def test_every_case_is_tested_once_by_its_own_fold(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    native, small = cross_validate(config, easy, splits, tmp_path / "cv", at_sizes=(None, 64))
    assert [fold for fold, _ in trained] == [0, 1]
    for scores in (native, small):
        assert [score.case_id for score in scores.raw] == [case.case_id for case in easy]
        assert {score.case_id: score.fold for score in scores.refined} == splits.test_folds()
    assert all(score.dice > 0.95 for score in native.raw)


def test_a_fold_that_something_else_trained_is_not_taken_over(config, easy, trained, tmp_path):
    (tmp_path / "cv" / "fold_1").mkdir(parents=True)
    (tmp_path / "cv" / "fold_1" / "model.safetensors").touch()
    with pytest.raises(OutputError, match=r"fold_1: is no fold of a cross-validation .*Choose another --out"):
        cross_validate(config, easy, clean_folds(easy.cases, folds=2), tmp_path / "cv")
    assert trained == []
    assert [path.name for path in (tmp_path / "cv").iterdir()] == ["fold_1"]


def test_each_fold_leaves_its_rows_and_the_whole_its_split(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    (scores,) = cross_validate(config, easy, splits, tmp_path / "cv")
    rows = [row for fold in splits.folds for row in read_cases(fold_folder(tmp_path / "cv", fold) / "cases.csv")[0]]
    assert sorted(rows, key=lambda row: row.case_id) == sorted(scores.raw, key=lambda row: row.case_id)
    assert read_splits(tmp_path / "cv" / "splits.csv") == splits


def test_finished_folds_are_not_trained_again_and_the_broken_one_is_resumed(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    whole = cross_validate(config, easy, splits, tmp_path / "cv")
    (fold_folder(tmp_path / "cv", 1) / "model.safetensors").unlink()  # as a kill during the second fold leaves it
    trained.clear()
    told = []
    again = cross_validate(config, easy, splits, tmp_path / "cv", after_fold=told.append)
    assert trained == [(1, True)]
    assert [(run.fold, run.trained) for run in told] == [(0, False), (1, True)]
    assert again == whole


def test_folds_of_another_version_are_not_mixed_in(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    cross_validate(config, easy, splits, tmp_path / "cv")
    mark = json.loads((tmp_path / "cv" / "crossval.json").read_text())
    (tmp_path / "cv" / "crossval.json").write_text(json.dumps(mark | {"version": "0.0.1"}))
    with pytest.raises(OutputError, match=r"cv: was begun by EchoDuet 0\.0\.1, and this is"):
        cross_validate(config, easy, splits, tmp_path / "cv")


@pytest.mark.parametrize(
    ("change", "named"), [("config", "configuration"), ("splits", "split"), ("cases", "set of cases and split")]
)
def test_folds_of_another_experiment_are_not_mixed_in(config, easy, trained, tmp_path, change, named):
    splits = clean_folds(easy.cases, folds=2)
    cross_validate(config, easy, splits, tmp_path / "cv")
    if change == "config":
        config = config.model_copy(update={"seed": 7})
    if change == "cases":
        easy = easy.with_cases([dataclasses.replace(easy.cases[0], case_id="benign (9)"), *easy.cases[1:]])
    if change != "config":
        splits = clean_folds(easy.cases, folds=2, seed=8)
    with pytest.raises(OutputError, match=f"another {named}"):
        cross_validate(config, easy, splits, tmp_path / "cv")


def test_a_damaged_mark_is_named(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    cross_validate(config, easy, splits, tmp_path / "cv")
    (tmp_path / "cv" / "crossval.json").write_text("{")
    with pytest.raises(OutputError, match=r"crossval\.json"):
        cross_validate(config, easy, splits, tmp_path / "cv")


def test_the_mark_holds_the_whole_configuration(config, easy, trained, tmp_path):
    cross_validate(config, easy, clean_folds(easy.cases, folds=2), tmp_path / "cv")
    mark = json.loads((tmp_path / "cv" / "crossval.json").read_text())
    assert ExperimentConfig.model_validate(mark["config"]) == config


def test_a_split_of_other_cases_is_refused_before_anything_is_written(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    fewer = easy.with_cases(list(easy)[1:])
    with pytest.raises(SplitError, match=r"benign \(1\)"):
        cross_validate(config, fewer, splits, tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


def test_examples_come_from_the_model_that_was_tested_on_them(config, easy, trained, tmp_path):
    splits = clean_folds(easy.cases, folds=2)
    cross_validate(config, easy, splits, tmp_path / "cv")
    chosen = ["benign (1)", "malignant (3)", "normal (2)"]
    examples = list(show_fold_examples(tmp_path / "cv", easy, chosen, splits.test_folds()))
    assert sorted(example.case.case_id for example in examples) == sorted(chosen)
    assert all(example.answer.label is example.case.label for example in examples)


def test_a_fold_is_tuned_before_it_is_tested(config, easy, trained, tmp_path, monkeypatch):
    order, tested = [], crossval._test

    def test(run, *rest):
        order.append(("test", run.path.name))
        return tested(run, *rest)

    monkeypatch.setattr(crossval, "tune_if_asked", lambda config, model, *_: order.append(("tune", model.parent.name)))
    monkeypatch.setattr(crossval, "_test", test)
    cross_validate(config, easy, clean_folds(easy.cases, folds=2), tmp_path / "cv")
    assert order == [(what, f"fold_{fold}") for fold in (0, 1) for what in ("tune", "test")]
