"""`echoduet train` as its user meets it: a complete folder, a kill in the middle, wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from echoduet.models.info import read_info

KEYS = {
    "preprocess.size": 32,
    "optim.epochs": 3,
    "optim.batch_size": 4,
    "split.folds": 2,
    "split.train_share": 0.5,
    "runtime.deterministic": "true",
    "runtime.precision": "float32",
    "model.pretrained": "false",
}
SETS = [word for key, value in KEYS.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture
def words(miniature_busi, tmp_path, monkeypatch):
    """Return the words of a small training run into a folder."""
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))

    def build(out: Path, *more: str) -> list[str]:
        return [
            "train",
            "--config",
            "fast",
            "--data",
            str(miniature_busi),
            "--fold",
            "0",
            "--out",
            str(out),
            *SETS,
            *more,
        ]

    return build


def wait_for(path: Path, lines: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if path.exists() and path.read_text().count("\n") >= lines:
            return
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    raise AssertionError(f"{path} did not get {lines} lines")


def test_a_killed_run_resumes_to_the_bit(words, run_cli, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = run_cli(*words(whole, "--json"))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["epochs"] == result["epoch"] == 3  # fast keeps the last epoch
    assert {path.name for path in whole.iterdir()} >= {"curves.png", "model.safetensors", "environment.json"}

    more = ("--set", "optim.epochs=3")
    process = subprocess.Popen(
        [sys.executable, "-m", "echoduet.cli.main", *words(broken, *more)], env=os.environ.copy()
    )
    wait_for(broken / "metrics.jsonl", 1, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "model.safetensors").exists()
    resumed = run_cli(*words(broken, *more, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    expected, got = (load_file(folder / "model.safetensors") for folder in (whole, broken))
    assert expected.keys() == got.keys()
    assert all(bool((expected[name] == got[name]).all()) for name in expected)

    again = run_cli(*words(whole))
    assert again.returncode == 2
    assert "holds a run already. Add --resume" in again.stderr


@pytest.mark.parametrize(
    ("architecture", "tasks", "answered"),
    [("monai:segresnet", "segmentation", "mask"), ("monai:resnet18", "classification", "label")],
)
def test_other_peoples_networks_train_and_predict_like_ours(tmp_path, call, architecture, tasks, answered):
    from echoduet.inference.predictor import Predictor

    data, out = tmp_path / "phantoms", tmp_path / "run"
    assert call("phantom", data, "--count", 24, "--size", 64).code == 0
    keys = [f"model.architecture={architecture}", f"model.tasks={tasks}", "optim.epochs=1"]
    sets = [word for key in keys for word in ("--set", key)]
    assert call("train", "--config", "fast", "--data", data, "--fold", 0, "--out", out, *SETS, *sets).code == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert set(rows[0]["validation"]) == {
        "loss",
        f"{tasks}_loss",
        "lesion_dice" if tasks == "segmentation" else "accuracy",
    }
    predictor = Predictor.load(out / "model.safetensors", device="cpu")
    (prediction,) = predictor.predict([("grey", np.full((50, 70), 90, np.uint8))])
    assert {name for name in ("mask", "label") if getattr(prediction, name) is not None} == {answered}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--set", "model.architecture=monai:resnet18"), "model.tasks=classification"),
        (("--set", "model.architecture=monai:resnet18", "--set", "model.pretrained=true"), "model.pretrained=false"),
        (("--set", "optim.epoch=5"), "optim.epochs"),
        (("--set", "optim.epochs=many"), "optim.epochs"),
        (("--fold", "9"), "Fold 9 does not exist"),
        (("--splits", "nowhere.csv"), "nowhere.csv"),
        (("--set", "model.architecture=unetp"), "unetpp"),
        (("--set", "split.folds=20"), "too few"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(words, run_cli, tmp_path, more, sentence):
    done = run_cli(*words(tmp_path / "run", *more))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_thresholds_are_chosen_on_validation_where_asked(words, call, tmp_path):
    asked = ("--set", "inference.tune=true", "--set", "inference.refining=soft", "--set", "optim.epochs=1")
    done = call(*words(tmp_path / "run", *asked))
    assert done.code == 0, done.err
    info = read_info(tmp_path / "run" / "model.safetensors")
    assert info.provenance["tuning"]["cases"] == len(info.provenance["val_ids"])
    assert info.provenance["tuning"]["value"] >= info.provenance["tuning"]["value_before"]
    assert "mask" in info.thresholds
