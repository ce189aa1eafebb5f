"""The whole training is timed, and the test part scored once."""

from __future__ import annotations

import sys

import pytest

import time_to_scores
from echoduet.data.manifest import build_manifest, write_manifest

KEYS = ["optim.epochs=1", "preprocess.size=32", "split.folds=2", "split.train_share=0.5", "runtime.threads=1"]


def test_minutes_scores_and_verdict_are_told(miniature_busi, tmp_path, monkeypatch, capsys):
    write_manifest(build_manifest(miniature_busi), tmp_path / "manifest.csv")
    words = [str(tmp_path / "manifest.csv"), "--config", "demo", "--out", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["time_to_scores.py", *words, *(w for key in KEYS for w in ("--set", key))])
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    time_to_scores.main()
    told = capsys.readouterr().out
    assert "minutes" in told
    assert "(paper 0.751)" in told
    assert "the paper's scores within 12 minutes: NO" in told  # one epoch of a dozen tiny images
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_the_goals_are_the_papers():
    assert {"dsc_all": pytest.approx(0.751), "accuracy": pytest.approx(0.802)} == time_to_scores.PAPER
