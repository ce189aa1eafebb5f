"""The report of a grid: what it is made of, and what its reader is told."""

from __future__ import annotations

import json

from echoduet.cli.grid_report import VALIDATION, fold_by_fold
from echoduet.evaluation.cases import CaseScore
from echoduet.experiments.comparison.arms import Arm, paired
from echoduet.experiments.grid import cell
from echoduet.records import Label

GRID = """
name: choosing
base: fast
set: {preprocess.size: 32, model.pretrained: false, optim.epochs: 1, optim.batch_size: 4, split.folds: 3,
  split.train_share: 0.5, runtime.threads: 1, model.tasks: classification}
part: val
settings:
  plain: {}
  smooth: {set: {loss.label_smoothing: 0.2}}
rows:
  plain: {from: plain}
  smooth: {from: smooth}
"""


def test_an_image_validated_in_two_folds_stands_twice_and_is_one_unit():
    rows = tuple(CaseScore("case (1)", Label.BENIGN, None, fold, 8, 8, dice=0.5) for fold in (0, 2))
    (apart,) = paired([fold_by_fold(Arm("one", {0: rows}))])
    assert [row.case_id for row in apart.cases] == ["case (1), fold 0", "case (1), fold 2"]
    assert {row.group for row in apart.cases} == {"case (1)"}


def test_a_group_of_copies_keeps_its_name():
    rows = (CaseScore("case (1)", Label.BENIGN, "dup:1", 0, 8, 8),)
    assert fold_by_fold(Arm("one", {0: rows})).cases[0].group == "dup:1"


def test_without_a_common_seed_it_is_told_how_the_cells_ended(call, miniature_busi, tmp_path, monkeypatch):
    text = GRID.replace("part: val", "seeds: [1, 2]").replace("split.folds: 3", "split.folds: 2")
    (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
    train = cell.train_fold

    def sometimes(config, *given, **named):
        if (config.name, config.seed) in {("plain", 1), ("smooth", 2)}:
            raise ValueError("not today")
        return train(config, *given, **named)

    monkeypatch.setattr(cell, "train_fold", sometimes)
    out = tmp_path / "out"
    done = call("ablate", "--config", tmp_path / "grid.yaml", "--data", miniature_busi, "--out", out)
    assert done.code == 1
    assert "4 cells failed; the same command tries them again" in done.out
    assert "warning: No report was written. There is no seed for which every system is complete" in done.err
    assert not (out / "report.html").exists()


def test_a_grid_on_validation_parts_says_that_it_is_no_test(call, miniature_busi, tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    out = tmp_path / "out"
    done = call("ablate", "--config", tmp_path / "grid.yaml", "--data", miniature_busi, "--out", out)
    assert done.code == 0, done.err
    told = json.loads((out / "comparisons.json").read_text(encoding="utf-8"))
    assert VALIDATION in told["warnings"]
    assert VALIDATION in (out / "report.html").read_text(encoding="utf-8")
    assert {entry["arm"] for entry in told["comparisons"]} == {"smooth"}
