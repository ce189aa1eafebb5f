"""`echoduet crossval` as its user meets it: real training, on the miniature, for one epoch."""

from __future__ import annotations

import json

import pytest

from echoduet.evaluation.cases import read_cases


@pytest.fixture
def crossval(call, small, miniature_busi, tmp_path, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    words = ("crossval", "--config", "fast", "--data", miniature_busi, "--out", tmp_path / "cv", *small)

    def run(*options):
        return call(*words, "--set", "split.train_share=0.5", "--set", "optim.batch_size=4", *options)

    return run


def test_it_trains_tests_pools_and_goes_on(crossval, tmp_path):
    done = crossval("--at-size", "32")
    assert done.code == 0, done.err
    out = tmp_path / "cv"
    raw, _ = read_cases(out / "cases.csv")
    assert len(raw) == 14
    assert {score.fold for score in raw} == {0, 1}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["raw"]["classification"]["accuracy"]["sd_folds"] is not None
    assert {score.width for score in raw} == {32}
    assert len({score.width for score in read_cases(out / "native" / "cases.csv")[0]}) > 1
    assert json.loads((out / "native" / "metrics.json").read_text())["n"] == 14
    for fold in ("fold_0", "fold_1"):
        assert {path.name for path in (out / fold).iterdir()} >= {"model.safetensors", "curves.png", "cases.csv"}
    assert "sd over folds" in done.out
    assert "fold 1: trained" in done.err

    stamp = (out / "fold_0" / "model.safetensors").stat().st_mtime_ns
    again = crossval("--at-size", "32")
    assert again.code == 0, again.err
    assert "fold 0: was finished already" in again.err
    assert (out / "fold_0" / "model.safetensors").stat().st_mtime_ns == stamp
    assert json.loads((out / "metrics.json").read_text())["raw"] == metrics["raw"]

    other = crossval("--at-size", "32", "--set", "seed=4")
    assert other.code == 2
    assert "holds folds of another configuration" in other.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--set", "optim.epoch=1"), "optim.epochs"),
        (("--set", "split.folds=9"), "too few for 9 folds"),
        (("--splits", "gone.csv"), "gone.csv"),
    ],
)
def test_wrong_options_are_one_sentence(crossval, tmp_path, options, named):
    done = crossval(*options)
    assert done.code == 2
    assert named in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "cv").exists()
