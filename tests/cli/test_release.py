"""`echoduet release` as its user meets it: real training, on the miniature, for one epoch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from echoduet.evaluation.cases import read_cases
from echoduet.models import shipped

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def release(call, small, miniature_busi, tmp_path, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    words = ("release", "--config", "fast", "--data", miniature_busi, "--out", "models/echoduet-base.safetensors")
    sets = ("split.train_share=0.5", "split.protocol=clean", "optim.batch_size=4", "inference.refining=soft")

    def run(*options):
        return call(*words, *small, *(word for pair in sets for word in ("--set", pair)), *options)

    return run


@pytest.mark.slow
def test_it_ships_a_bundle_that_predict_and_evaluate_use(release, call, miniature_busi, tmp_path, monkeypatch):
    done = release("--seeds", "3", "--about", "A miniature.")
    assert done.code == 0, done.err
    assert "fold 1, seed 3: trained" in done.err
    assert "all cases, seed 3: trained" in done.err
    assert "lesion Dice" in done.out
    raw, _ = read_cases(tmp_path / "results" / "echoduet-base" / "oof.csv")
    assert len(raw) == 14
    card = tmp_path / "models" / "echoduet-base.md"
    assert "A miniature." in card.read_text()

    program = [sys.executable, ROOT / "benchmarks" / "model_card.py", card, tmp_path / "results/echoduet-base/oof.csv"]
    written = card.read_bytes()
    card.unlink()
    subprocess.run(program, check=True, capture_output=True)
    assert card.read_bytes() == written

    again = release("--seeds", "3", "--about", "A miniature.", "--json")
    assert again.code == 0, again.err
    assert again.json["mb"] < 9
    assert "temperature" in again.json["thresholds"]

    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path / "models")
    image = miniature_busi / "benign" / "benign (1).png"
    assert call("predict", image, "--out", tmp_path / "p").code == 0
    assert call("predict", image, "--model", "base", "--out", tmp_path / "q").code == 0
    rows = [(tmp_path / folder / "predictions.csv").read_text() for folder in ("p", "q")]
    assert rows[0] == rows[1]
    scored = call("evaluate", "--data", miniature_busi, "--out", tmp_path / "e")
    assert scored.code == 0, scored.err
    assert "were in the model's training part" in scored.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--seeds", "1,1"), "--seeds 1,1: names a seed twice"),
        (("--seeds", "one"), "--seeds one: needs whole numbers"),
        (("--max-mb", "3"), "more than the 3 allowed: 3 members in float16"),
        (("--set", "model.tasks=segmentation"), "Set model.tasks=both"),
        (("--storage", "int4"), "--storage"),
        (("--set", "model.members=2"), "model.members"),
    ],
)
def test_wrong_options_are_one_sentence(release, tmp_path, options, named):
    done = release(*options)
    assert done.code == 2
    assert named in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("words", [("predict", "."), ("evaluate", "--data", ".")])
def test_a_shipped_model_that_is_not_there_is_told(call, tmp_path, monkeypatch, words):
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    (tmp_path / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    for option in ((), ("--model", "small")):
        done = call(*words, *option, "--out", tmp_path / "out")
        assert done.code == 2
        assert "the shipped model is not there" in done.err
        assert not (tmp_path / "out").exists()
