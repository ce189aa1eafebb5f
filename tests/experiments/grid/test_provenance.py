"""What cells were made on and with outlives them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import torch

from echoduet.config.schema import RuntimeConfig
from echoduet.experiments.grid.provenance import COLUMNS, ended, surroundings, write_cells
from echoduet.files import file_sha256
from echoduet.runs import git_revision, processor


def test_each_finished_cell_is_a_row(with_ensemble):
    ablation, done = with_ensemble
    path = write_cells(ablation, ablation.finished())
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["seed"], row["fold"]) for row in rows] == [
        *((seed, fold) for seed in "12" for fold in "01"),
        *(("1+2", fold) for fold in "01"),
    ]
    assert {row["device"] for row in rows} == {processor()}
    assert {row["torch"] for row in rows} == {torch.__version__}
    assert {row["git_revision"] for row in rows} <= {git_revision(), ""}
    assert rows[0]["model_sha256"] == file_sha256(done[0].folder / "model.safetensors")
    assert (rows[0]["epochs"], float(rows[0]["training_seconds"]) > 0) == ("3", True)
    assert {(row["epochs"], row["model_sha256"]) for row in rows[4:]} == {("", "")}


def test_what_an_older_outcome_does_not_tell_stays_empty(make_ablation, trained):
    ablation = make_ablation()
    path = write_cells(ablation, {ablation.jobs[0]: {"files": {}, "epochs": 3}})
    with path.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert {name for name in COLUMNS if row[name]} == {"setting", "seed", "fold", "epochs"}


def test_the_processor_is_told_where_there_is_no_gpu():
    assert abs(datetime.now(UTC) - datetime.fromisoformat(ended()["finished"])) < timedelta(minutes=1)
    assert surroundings(RuntimeConfig(device="cpu")) == {
        "device": processor(),
        "torch": torch.__version__,
        "git_revision": git_revision(),
    }
