"""A grid's table comes from the rows in its folder alone."""

from __future__ import annotations

import csv
import shutil

import pytest

import grid_table
from echoduet.cli.main import main
from echoduet.errors import OutputError

GRID = """
name: tiny
base: fast
set: {preprocess.size: 32, model.pretrained: false, optim.epochs: 1, optim.batch_size: 4, split.folds: 2,
  split.train_share: 0.5, runtime.threads: 1}
at_sizes: [32, native]
settings:
  MT: {}
rows:
  MT: {from: MT}
  MT+PR: {from: MT, refined: true}
"""


@pytest.fixture
def finished(miniature_busi, tmp_path, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    words = ["ablate", "--config", tmp_path / "grid.yaml", "--data", miniature_busi, "--out", tmp_path / "out", "-q"]
    assert main(list(map(str, words))) == 0
    return tmp_path / "out"


def test_the_rows_alone_give_the_table_that_the_grid_wrote(finished, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("ablation.json", "rows.csv", "rows_native.csv", "curves.csv"):
        shutil.copy(finished / name, kept)
    told = grid_table.page(kept)
    assert told.startswith((finished / "table.md").read_text(encoding="utf-8").strip())
    assert "AUROC malignant" in told
    assert told.count("MT+PR") >= 2  # in the table, and in the differences
    assert grid_table.page(kept, "native").startswith("|")
    with (kept / "curves.csv").open(newline="", encoding="utf-8") as stream:
        reached = [float(row["validation_accuracy"]) for row in csv.DictReader(stream)]
    mean = sum(reached) / len(reached)
    assert f"| MT | {mean:.3f} |" in told


def test_the_validation_table_is_over_seeds_of_means_over_folds(tmp_path):
    header = "setting,seed,fold,epoch,validation_loss,validation_accuracy,validation_lesion_dice\n"
    runs = ((0, 0, 0.5), (0, 1, 0.7), (1, 0, 0.8))
    epochs = [f"MT,{s},{f},{n},{n},{v}," for s, f, value in runs for n, v in ((1, 0.1), (2, value))]
    (tmp_path / "curves.csv").write_text(header + "\n".join(epochs) + "\n")
    assert grid_table.validation(tmp_path, {"MT": "last"}).splitlines()[2] == "| MT | 0.700 ± 0.141 |  | 2 |"
    assert grid_table.validation(tmp_path, {"MT": "best"}).splitlines()[2] == "| MT | 0.100 ± 0.000 |  | 2 |"


def test_the_whole_report_is_kept_where_it_is_asked_for_and_over_nothing_else(finished, tmp_path):
    told = grid_table.page(finished, report=tmp_path / "report")
    for name in ("table.md", "table.tex", "table.csv", "comparisons.csv"):
        assert (tmp_path / "report" / name).read_bytes() == (finished / name).read_bytes()
    assert "MT+PR" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert grid_table.page(finished, report=tmp_path / "report") == told
    with pytest.raises(OutputError, match="holds the comparison of other results"):
        grid_table.page(finished, "native", report=tmp_path / "report")


def test_rows_may_be_chosen_and_one_that_is_not_there_is_named(finished):
    told = grid_table.page(finished, None, ["MT"])
    assert "MT+PR" not in told
    assert "validation parts" not in told
    with pytest.raises(OutputError, match=r"has no row ST\(Seg\)\. There is MT, MT\+PR\."):
        grid_table.page(finished, None, ["ST(Seg)"])
