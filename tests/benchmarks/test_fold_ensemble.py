"""An ensemble of members that validate on different images, none of which its test part holds."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest

import fold_ensemble
from echoduet.data.manifest import build_manifest, write_manifest
from echoduet.evaluation.cases import read_cases
from echoduet.models.bundle import load_bundle
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part

KEYS = ["optim.epochs=1", "preprocess.size=32", "optim.batch_size=4", "runtime.threads=1",
        "split.folds=4", "split.train_share=0.5"]  # fmt: skip


@pytest.fixture
def manifest(miniature_busi):
    return build_manifest(miniature_busi)


@pytest.fixture
def config():
    return fold_ensemble.members(KEYS)[0]


def test_members_validate_on_other_images_and_test_on_the_same(manifest, config, monkeypatch):
    monkeypatch.setattr(fold_ensemble, "SHARES", 3)
    usual = make_splits(manifest.cases, config.split)
    for fold in (0, 1):
        ours = [fold_ensemble.rotated(manifest, config, fold, member) for member in range(3)]
        rest = set(usual.case_ids) - set(usual.ids(fold, Part.TEST))
        held = [set(table.ids(fold, Part.VAL)) for table in ours]
        assert all(set(table.ids(fold, Part.TEST)) == set(usual.ids(fold, Part.TEST)) for table in ours)
        assert set().union(*held) == rest
        assert sum(map(len, held)) == len(rest)


def test_the_members_answer_together_on_what_none_of_them_met(manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fold_ensemble, "SHARES", 3)
    configs = fold_ensemble.members(KEYS)
    assert [config.seed for config in configs] == [0, 1, 2]
    scores = fold_ensemble.train(manifest, configs[:2], 1, tmp_path / "runs")
    tested = make_splits(manifest.cases, configs[0].split).ids(1, Part.TEST)
    assert {row.case_id for row in scores.raw} == {row.case_id for row in scores.refined} == set(tested)
    alone = read_cases(tmp_path / "runs" / "fold_1" / "member_0" / "fold_1" / "cases.csv")[0]
    assert [row.p_benign for row in scores.raw] != [row.p_benign for row in alone]
    assert load_bundle(tmp_path / "runs" / "fold_1" / "joined.safetensors")[1].config.model.members == 2


def test_the_rows_of_the_seeds_are_those_of_the_grid():
    seeds = fold_ensemble.of_the_seeds((0, 2))
    with (fold_ensemble.RESULTS / "duet" / "rows.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if (row["setting"], row["seed"]) == ("MT", "0+1+2")]
    kept = {row["case_id"]: row for row in rows if row["fold"] in {"0", "2"}}
    for variant, scores in (("raw", seeds.raw), ("refined", seeds.refined)):
        expected = {name: (float(row[f"{variant}_dice"]), row[f"{variant}_predicted"]) for name, row in kept.items()}
        assert {row.case_id: (row.dice, row.predicted) for row in scores} == expected


def test_a_fold_that_is_not_there_is_one_sentence(manifest, tmp_path):
    write_manifest(manifest, tmp_path / "manifest.csv")
    places = ["--out", tmp_path / "runs", "--results", tmp_path / "results"]
    program = [sys.executable, fold_ensemble.__file__, tmp_path / "manifest.csv", "--folds", "9", *places]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Fold 9 does not exist")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "results").exists()
