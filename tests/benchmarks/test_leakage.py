"""What random folds add is told apart: images whose copies were trained on, and the others."""

from __future__ import annotations

import pytest

import leakage
from echoduet.data.manifest import build_manifest, write_manifest
from echoduet.evaluation.cases import CaseScore, write_cases
from echoduet.records import Label
from echoduet.splits.table import Part, SplitRow, SplitTable, write_splits


def score(number, dice, *, group=None, label=Label.BENIGN, predicted=Label.BENIGN):
    return CaseScore(
        f"case ({number})", label, group, number % 2, 8, 8, predicted_area=4, dice=dice, predicted=predicted
    )


@pytest.fixture
def splits():
    # Of each fold the cases of its parity are tested and the others trained on.
    parts = (Part.TEST, Part.TRAIN)
    return SplitTable(
        tuple(SplitRow(f"case ({i})", fold, parts[(i + fold) % 2]) for fold in range(2) for i in range(8))
    )


def test_a_case_has_leaked_where_a_relative_was_trained_on(splits):
    groups = {0: "A", 1: "A", 2: "B", 4: "B"}  # A stands on both sides, B on one
    rows = [score(i, 0.5, group=groups.get(i)) for i in range(8)]
    assert leakage.leaked(rows, splits).tolist() == [True, True, *[False] * 6]


def test_the_gap_is_that_of_the_rows_and_zero_where_nothing_leaked(splits):
    groups = {0: "A", 1: "A", 2: "C", 3: "C"}
    random = [score(i, 0.9 if i < 4 else 0.6, group=groups.get(i)) for i in range(8)]
    grouped = [score(i, 0.6) for i in reversed(range(8))]
    found = {(gap.measure, gap.of): gap for gap in leakage.gaps(random, grouped, splits)}
    assert found["lesion Dice", "relative in training"].random == pytest.approx(0.9)
    assert found["lesion Dice", "all"].random - found["lesion Dice", "all"].grouped == pytest.approx(0.15)
    unseen = found["lesion Dice", "no relative"]
    assert (unseen.random, unseen.grouped, *unseen.interval) == pytest.approx((0.6, 0.6, 0.0, 0.0))
    assert ("normals left empty", "all") not in found  # there is no normal image: no row rather than a made-up one
    assert "| lesion Dice | all | 8 | 0.750 | 0.600 | +0.150 (" in leakage.table(list(found.values()))


def test_the_report_reads_the_rows_and_draws(splits, tmp_path):
    rows = [score(i, 0.1 * i, group="A" if i < 4 else None) for i in range(8)]
    for name in leakage.PROTOCOLS:
        write_cases(tmp_path / f"{name}.csv", rows, rows)
    write_splits(splits, tmp_path / "random_splits.csv")
    told = leakage.report(tmp_path)
    assert told.count("| +0.000 (+0.000 to +0.000) |") == 4
    assert told.count("| +0.000 |") == 2  # those that leaked are one group: nothing to resample
    assert "<svg" in (tmp_path / "leakage.svg").read_text()


def test_both_kinds_of_folds_are_trained_and_the_leaking_one_only_here(miniature_busi, tmp_path, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    text_of = tmp_path / "manifest.csv"
    write_manifest(build_manifest(miniature_busi), text_of)
    # All benign images are of one patient from here on: random folds leak, which training refuses otherwise.
    text_of.write_text(text_of.read_text().replace(",malignant,,,busi", ",malignant,,dup:1,busi", 2))
    keys = ["optim.epochs=1", "preprocess.size=32", "split.folds=2", "split.train_share=0.5", "optim.batch_size=4"]
    leakage.train(text_of, "demo", [*keys, "runtime.threads=1"], tmp_path / "runs", tmp_path)
    assert {path.name for path in tmp_path.glob("*.csv")} >= {"random.csv", "grouped.csv", "random_splits.csv"}
    assert "lesion Dice" in leakage.report(tmp_path)
