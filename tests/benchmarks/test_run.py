"""What the rows of `make bench` measure; the clock aside."""

from __future__ import annotations

import pytest

import run
import time_to_scores
from echoduet.data.manifest import read_manifest
from rows import Row


def test_the_time_to_the_papers_scores_is_of_its_images_alone(miniature_busi, tmp_path, monkeypatch):
    assert list(run.paper_rows(miniature_busi, tmp_path)) == []  # its list is not there
    (tmp_path / "mapping_curated_BUSI.csv").write_text("class;id\nbenign;1\nmalignant;1\nnormal;1\n")
    asked = []

    def measure(manifest, config, fold, out, keys):
        asked.append(([case.case_id for case in read_manifest(manifest)], config, fold, keys))
        return 11.5, {"dsc_all": 0.76, "accuracy": 0.9}

    monkeypatch.setattr(time_to_scores, "measure", measure)
    (row,) = run.paper_rows(miniature_busi, tmp_path)
    assert asked == [
        (["benign (1)", "malignant (1)", "normal (1)"], *time_to_scores.RECIPE[:1], 0, time_to_scores.RECIPE[1])
    ]
    assert (row.value, row.met) == ("11.5 minutes (all-image Dice 0.760, accuracy 0.900)", True)


def test_late_or_low_scores_do_not_meet_the_goal():
    good = {"dsc_all": 0.76, "accuracy": 0.9}
    assert time_to_scores.met(12.0, good)
    assert not time_to_scores.met(12.1, good)
    assert not time_to_scores.met(3.0, good | {"accuracy": 0.8})


@pytest.fixture
def groups(monkeypatch, miniature_busi, tmp_path):
    """Groups that say what they were given, on a dozen tiny images."""
    monkeypatch.setenv("ECHODUET_BUSI", str(miniature_busi))
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path))  # set anew by the run; put back after the test
    for name in run.GROUPS:
        told = lambda on, name=name: iter([Row(name, f"{len(on.manifest)} images, {on.requests} requests")])  # noqa: E731
        monkeypatch.setitem(run.GROUPS, name, told)


def test_all_groups_run_unless_some_are_asked_for(groups, capsys):
    run.main([])
    head, _, *table = capsys.readouterr().out.splitlines()
    assert head.endswith("images: BUSI (14)")
    names = [line.split(" | ")[0].removeprefix("| ") for line in table[2:]]
    assert names == ["data", "commands", "curation", "training", "paper", "inference"]
    run.main(["--only", "inference", "data", "--requests", "50"])
    assert capsys.readouterr().out.splitlines()[4:] == [
        f"| {name} | 14 images, 50 requests |  |  |" for name in ("data", "inference")
    ]


def test_rows_are_printed_as_they_come(groups, capsys, monkeypatch):
    def broken(on):
        yield Row("first", "1 s")
        raise KeyboardInterrupt

    monkeypatch.setitem(run.GROUPS, "data", broken)
    with pytest.raises(KeyboardInterrupt):
        run.main([])
    assert capsys.readouterr().out.endswith("| first | 1 s |  |  |\n")


@pytest.mark.parametrize("words", [["--only", "nothing"], ["--requests", "4"], ["--requests", "many"]])
def test_what_cannot_be_measured_is_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        run.main(words)
    assert words[1] in capsys.readouterr().err


def test_data_are_measured_in_a_row(miniature_busi):
    (row,) = run.data_rows(miniature_busi)
    assert row.name.endswith("of 14 images")
