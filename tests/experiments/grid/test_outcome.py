"""The last file of a cell: it says what made it, and a file changed by hand is named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from echoduet.errors import OutputError
from echoduet.experiments.grid.outcome import KEPT, NAME, _seal, read_outcome, write_outcome


@pytest.fixture
def job(make_ablation):
    return make_ablation().jobs[0]


@pytest.fixture
def cell(tmp_path, job):
    """A cell's files, sealed."""
    folder = tmp_path / "cell"
    folder.mkdir()
    for name in ("cases.csv", "cases_native.csv", *KEPT):
        (folder / name).write_text(name)
    write_outcome(folder, job, {"epochs": 3})
    return folder


def test_a_whole_cell_is_read_again(cell, job):
    outcome = read_outcome(cell, job)
    assert (outcome["epochs"], outcome["setting"], outcome["fold"]) == (3, "Seg", 0)
    assert set(outcome["files"]) == {"cases.csv", "cases_native.csv", *KEPT}


@pytest.mark.parametrize("name", ["cases.csv", "cases_native.csv", "model.safetensors", "metrics.jsonl"])
def test_a_file_changed_by_hand_is_named(cell, job, name):
    (cell / name).write_text("better")
    with pytest.raises(OutputError, match=rf"{name}: was changed after it was written"):
        read_outcome(cell, job)
    assert (cell / name).read_text() == "better"


def test_a_file_taken_away_is_named(cell, job):
    (cell / "cases.csv").unlink()
    with pytest.raises(OutputError, match=r"cases\.csv: cannot be read"):
        read_outcome(cell, job)


def test_the_outcome_itself_is_sealed(cell, job):
    outcome = json.loads((cell / NAME).read_text())
    (cell / NAME).write_text(json.dumps(outcome | {"training_seconds": 1}))
    with pytest.raises(OutputError, match=r"outcome\.json: was changed after it was written"):
        read_outcome(cell, job)


def test_an_answer_with_other_networks_is_no_training_of_its_own(cell, job):
    borrowed = replace(job, members=(job.seed,), trained_as={"setting": "MT", "config": job.config})
    write_outcome(cell, borrowed, {})
    assert read_outcome(cell, borrowed)["networks_of"] == "MT"
    with pytest.raises(OutputError, match=r"holds a cell of another set of networks\. Choose another --out\."):
        read_outcome(cell, job)


def test_an_outcome_that_does_not_speak_of_members_is_a_training(cell, job):
    stored = json.loads((cell / NAME).read_text())
    older = {key: value for key, value in stored.items() if key not in ("members", "networks_of", "sha256")}
    (cell / NAME).write_text(json.dumps(older | {"sha256": _seal(older)}))
    assert read_outcome(cell, job)["epochs"] == 3


@pytest.mark.parametrize("text", ["{", "[]", None])
def test_a_cell_without_a_readable_outcome_is_named(cell, job, text):
    (cell / NAME).unlink() if text is None else (cell / NAME).write_text(text)
    with pytest.raises(OutputError, match=r"outcome\.json: (cannot be read|was changed)"):
        read_outcome(cell, job)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": "0.0.1"}, "another version"),
        ({"config": {}}, "another configuration"),
        ({"cases_sha256": "0"}, "another set of cases"),
        ({"splits_sha256": "0"}, "another split"),
        ({"part": "val"}, "another part"),
        ({"at_sizes": ("native",)}, "another scoring size"),
        ({"seed": 9}, "another seed"),
    ],
)
def test_a_cell_of_another_experiment_is_refused(cell, job, change, named):
    with pytest.raises(OutputError, match=named):
        read_outcome(cell, replace(job, **change))


def test_a_cell_of_another_format_is_refused(cell, job):
    outcome = json.loads((cell / NAME).read_text())
    (cell / NAME).write_text(json.dumps(outcome | {"format": 99}))
    with pytest.raises(OutputError, match="another version of EchoDuet"):
        read_outcome(cell, job)
