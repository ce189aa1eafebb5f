"""The run folder."""

from __future__ import annotations

import json
import sys

import pytest

from echoduet import runs
from echoduet.errors import OutputError
from echoduet.runs import RunFolder, environment, git_revision


def test_a_new_folder_holds_configuration_and_environment(tmp_path):
    run = RunFolder.create(tmp_path / "a" / "run", {"seed": 1})
    assert json.loads((run.path / "config.json").read_text()) == {"seed": 1}
    surroundings = json.loads((run.path / "environment.json").read_text())
    assert surroundings["command"] == sys.argv
    assert surroundings["packages"]["torch"].startswith("2.")
    assert surroundings["cores"] >= 1
    assert run.rows() == []


def test_a_folder_in_use_is_kept(tmp_path):
    RunFolder.create(tmp_path, {"seed": 1})
    with pytest.raises(OutputError, match="Add --resume to continue it, or choose another --out"):
        RunFolder.create(tmp_path, {"seed": 1})
    assert RunFolder.create(tmp_path, {"seed": 1}, resume=True).path == tmp_path


def test_resuming_with_another_configuration_names_the_key(tmp_path):
    RunFolder.create(tmp_path, {"seed": 1, "optim": {"epochs": 3}})
    with pytest.raises(OutputError, match="another optim"):
        RunFolder.create(tmp_path, {"seed": 1, "optim": {"epochs": 4}}, resume=True)


def test_rows_survive_and_a_broken_line_does_not(tmp_path):
    run = RunFolder.create(tmp_path, {})
    for epoch in (1, 2, 3):
        run.log({"epoch": epoch})
    with run.metrics.open("a") as stream:
        stream.write('{"epoch": 4')
    assert [row["epoch"] for row in run.rows()] == [1, 2, 3]
    run.keep_rows(2)
    assert run.metrics.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'


def test_a_log_that_cannot_be_written_is_a_clear_error(tmp_path):
    run = RunFolder.create(tmp_path, {})
    run.metrics.mkdir()
    with pytest.raises(OutputError, match=r"metrics\.jsonl: cannot be written"):
        run.log({"epoch": 1})


def test_a_place_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        RunFolder.create(tmp_path / "file" / "run", {})


def test_outside_a_checkout_there_is_no_revision(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "__file__", str(tmp_path / "runs.py"))
    assert git_revision() is None
    assert environment()["git_revision"] is None
