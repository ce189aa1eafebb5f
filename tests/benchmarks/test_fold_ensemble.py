"""An ensemble of members that validate on different images, none of which its test part holds."""

from __future__ import annotations

import csv

import pytest

import fold_ensemble
from echoduet.data.manifest import build_manifest
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
    ours = [fold_ensemble.rotated(manifest, config, (0, 1), member) for member in range(3)]
    usual = make_splits(manifest.cases, config.split)
    for fold in (0, 1):
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
    scores = fold_ensemble.train(manifest, configs[:2], (1,), tmp_path / "runs")
    tested = make_splits(manifest.cases, configs[0].split).ids(1, Part.TEST)
    assert {row.case_id for row in scores.raw} == {row.case_id for row in scores.refined} == set(tested)
    alone = read_cases(tmp_path / "runs" / "member_0" / "fold_1" / "cases.csv")[0]
    assert [row.p_benign for row in scores.raw] != [row.p_benign for row in alone]
    assert load_bundle(tmp_path / "runs" / "joined_1.safetensors")[1].config.model.members == 2


def test_the_rows_of_the_seeds_are_those_of_the_grid(tmp_path):
    grid_rows = fold_ensemble.RESULTS / "duet" / "rows.csv"
    fold_ensemble.copy_rows(grid_rows, (0, 2), tmp_path / "seeds.csv")
    raw, _ = read_cases(tmp_path / "seeds.csv")
    with grid_rows.open(newline="", encoding="utf-8") as stream:
        expected = {
            row["case_id"]: float(row["raw_dice"])
            for row in csv.DictReader(stream)
            if (row["setting"], row["seed"]) == ("MT", "0+1+2") and row["fold"] in {"0", "2"}
        }
    assert {row.case_id: row.dice for row in raw} == expected
