"""`echoduet ablate` as its user meets it: real training, on the miniature, for one epoch."""

from __future__ import annotations

import json

import pytest

from echoduet.experiments.grid import cell
from echoduet.experiments.grid.reported import read_arms

GRID = """
name: tiny
base: fast
set: {preprocess.size: 32, model.pretrained: false, optim.epochs: 1, optim.batch_size: 4, split.folds: 2,
  split.train_share: 0.5, runtime.threads: 1}
settings:
  Seg: {set: {model.tasks: segmentation}}
  MT: {}
rows:
  Seg: {from: Seg}
  MT+PR: {from: MT, refined: true}
"""


@pytest.fixture
def ablate(call, miniature_busi, tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    words = ("ablate", "--config", tmp_path / "grid.yaml", "--data", miniature_busi, "--out", tmp_path / "out")
    return lambda *options: call(*words, *options)


def test_a_dry_run_tells_and_writes_nothing(ablate, tmp_path):
    done = ablate("--dry-run")
    assert done.code == 0, done.err
    assert "tiny: 2 settings x 2 folds x 1 seeds = 4 cells, scored on the test part" in done.out
    assert "folds 0, 1; seeds 1993; reported: Seg, MT+PR" in done.out
    assert "Seg  0/2 finished, <= 1 epochs of" in done.out
    assert "Estimated: images x epochs over images a second" in done.out
    assert not (tmp_path / "out").exists()
    told = ablate("--dry-run", "--json", "--executor", "processes", "--cores", "4").json
    assert (told["cells"], told["cells_at_a_time"], told["threads_per_cell"]) == (4, 4, 1)
    assert told["settings"]["MT"]["speed"]["source"].startswith("measured")
    small = ablate("--dry-run", "--executor", "processes", "--memory", "500MB")
    assert "warning: MT: a cell takes about 0.7 GB, more than --memory" in small.err


def test_an_ensemble_of_real_networks_is_reported(ablate, tmp_path):
    rows = "rows:\n  MT+E: {from: MT, ensemble: true}"
    (tmp_path / "grid.yaml").write_text("seeds: [0, 1]" + GRID.replace("rows:", rows), encoding="utf-8")
    assert "and 2 cells that answer with these networks, which train nothing" in ablate("--dry-run").out
    done = ablate()
    assert done.code == 0, done.err
    assert "10 of 10 cells finished" in done.out
    joint, seg, single = read_arms(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    curves = (tmp_path / "out" / "figures" / "learning-curves.svg").read_text(encoding="utf-8")
    assert (seg.name, "MT+E" in page, "Seg (4 runs)" in curves, "MT+E" in curves) == ("Seg", True, True, False)
    assert joint.rows[0] == joint.rows[1] != single.rows[0]


def test_real_networks_answer_again_by_thresholds_chosen_on_their_validation_part(ablate, tmp_path):
    soft = "  soft: {networks_of: MT, set: {inference.refining: soft, inference.tune: true}}\nrows:\n"
    text = GRID.replace("rows:\n", soft + "  soft: {from: soft, refined: true}\n  soft, raw: {from: soft}\n")
    (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
    told = ablate("--dry-run").out
    assert "2 settings x 2 folds x 1 seeds = 4 cells" in told
    assert "and 2 cells that answer with these networks" in told
    done = ablate()
    assert done.code == 0, done.err
    assert "6 of 6 cells finished" in done.out
    outcome = tmp_path / "out" / "cells" / "soft" / "seed_1993" / "fold_1" / "outcome.json"
    assert "mask" in json.loads(outcome.read_text(encoding="utf-8"))["thresholds"]
    assert [arm.name for arm in read_arms(tmp_path / "out")] == ["soft", "soft, raw", "Seg", "MT+PR"]


def test_it_runs_lists_failures_and_goes_on(ablate, tmp_path, monkeypatch):
    train = cell.train_fold

    def sometimes(config, *given, **named):
        if config.name == "MT":
            raise ValueError("not today")
        return train(config, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(cell, "train_fold", sometimes)
        done = ablate()
    assert done.code == 1
    assert "Seg, seed 1993, fold 0: finished" in done.err
    assert "warning: MT, seed 1993, fold 1: Unexpected ValueError: not today" in done.err
    assert "2 of 4 cells finished, 2 of them now\n2 cells failed; the same command tries them again:" in done.out
    assert "not run yet: MT+PR" in done.out
    assert [arm.name for arm in read_arms(tmp_path / "out")] == ["Seg"]
    assert "not run" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")

    again = ablate("--json")
    assert again.code == 0, again.err
    assert (again.json["finished_before"], again.json["finished_now"], again.json["failures"]) == (2, 2, [])
    assert again.json["rows_not_run"] == []
    assert again.json["report"] == str(tmp_path / "out" / "report.html")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "MT+PR" in page
    assert "learning-curves" in {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert [arm.name for arm in read_arms(tmp_path / "out")] == ["Seg", "MT+PR"]
    assert "recorded, 2 cells" in ablate("--dry-run").out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--set", "optim.epoch=1"), "optim.epochs"),
        (("--set", "model.tasks=segmentation"), '"Seg" and "MT" are equal'),
        (("--set", "split.folds=9"), "too few for 9 folds"),
        (("--set", "model.architecture=unetp"), "the nearest is 'unetpp'"),
        (("--splits", "gone.csv"), "gone.csv"),
        (("--executor", "processes", "--memory", "much"), "--memory much"),
        (("--memory", "8GB"), "--memory: is for --executor processes"),
        (("--executor", "ray", "--cores", "2"), "--cores: is for --executor processes"),
        (("--address", "127.0.0.1:6379"), "--address: is for --executor ray"),
        (("--executor", "ray", "--address", "127.0.0.1:1"), "--address 127.0.0.1:1: no Ray cluster answers there"),
    ],
)
def test_wrong_options_are_one_sentence(ablate, tmp_path, options, named):
    done = ablate(*options)
    assert done.code == 2
    assert named in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_an_edited_result_is_named(ablate, tmp_path):
    assert ablate().code == 0
    edited = tmp_path / "out" / "cells" / "seg" / "seed_1993" / "fold_0" / "cases.csv"
    edited.write_text(edited.read_text().replace("0.", "1."))
    for options in ((), ("--dry-run",)):
        done = ablate(*options)
        assert done.code == 2
        assert f"{edited}: was changed after it was written" in done.err
    assert json.loads((edited.parent / "outcome.json").read_text())["setting"] == "Seg"
