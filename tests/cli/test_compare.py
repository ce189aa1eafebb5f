"""`echoduet compare` as its user meets it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from echoduet.evaluation.cases import write_cases
from echoduet.records import Label


@pytest.fixture
def runs(make_arm, tmp_path):
    """Two runs of two seeds, each seed in folders of folds; the refined answers are all normal."""
    for name, skill in (("first", 0.8), ("second", 0.5)):
        for seed, rows in make_arm(name, n=24, seeds=(1, 2), skill=skill).rows.items():
            for fold in range(4):
                held = [row for row in rows if row.fold == fold]
                refined = [replace(row, predicted=Label.NORMAL) for row in held]
                write_cases(tmp_path / name / f"seed_{seed}" / f"fold_{fold}" / "cases.csv", held, refined)
    return tmp_path / "first", tmp_path / "second"


def test_two_runs_are_compared(call, runs, tmp_path):
    done = call("compare", *runs, "--raw", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "second − first" in done.out
    assert "weighted F1" in done.out
    assert "report.html" in done.out
    stored = json.loads((tmp_path / "out" / "comparisons.json").read_text())
    assert [arm["seeds"] for arm in stored["arms"]] == [[1, 2], [1, 2]]
    assert stored["provenance"]["answers"] == "raw"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "first against second" in page


def test_refined_is_what_is_compared_unless_raw_is_asked(call, runs, tmp_path):
    done = call("compare", *runs, "--json", "--out", tmp_path / "out")
    accuracy = next(c for c in done.json["comparisons"] if c["figure"] == "accuracy")
    assert accuracy["difference"] == 0  # all answers are normal
    assert done.json["provenance"]["answers"] == "refined"


def test_names_and_reference(call, runs, tmp_path):
    done = call(
        "compare", *runs, runs[0] / "seed_1", "--names", "MT, b,c", "--reference", "b", "--out", tmp_path / "out"
    )
    assert done.code == 2
    assert "c: lacks seed 2, which MT has" in done.err
    done = call("compare", *runs, "--names", "MT, b", "--reference", "b", "--raw", "--json", "--out", tmp_path / "out")
    assert {(c["arm"], c["against"]) for c in done.json["comparisons"]} == {("MT", "b")}
    assert "| b | " in (tmp_path / "out" / "table.md").read_text()


def test_systems_for_different_tasks_have_nothing_to_compare_and_it_is_told(call, make_arm, tmp_path):
    for name, has in (("seg", {"classes": False}), ("cls", {"masks": False})):
        rows = make_arm(name, **has).cases
        write_cases(tmp_path / name / "cases.csv", rows, rows)
    done = call("compare", tmp_path / "seg", tmp_path / "cls", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "They answer different tasks, so that no figure of theirs can be compared." in done.out


def test_runs_in_folders_of_one_name_are_told_apart_by_their_parents(call, runs, tmp_path):
    done = call("compare", *(run / "seed_1" for run in runs), "--json", "--out", tmp_path / "out")
    assert [arm["name"] for arm in done.json["arms"]] == ["first/seed_1", "second/seed_1"]


def test_the_same_comparison_may_be_written_again_but_no_other_over_it(call, runs, tmp_path):
    assert call("compare", *runs, "--out", tmp_path / "out").code == 0
    assert call("compare", *runs, "--out", tmp_path / "out").code == 0
    before = (tmp_path / "out" / "report.html").read_bytes()
    done = call("compare", *runs, "--raw", "--out", tmp_path / "out")
    assert done.code == 2
    assert "holds the comparison of other results" in done.err
    assert (tmp_path / "out" / "report.html").read_bytes() == before


def drop_a_fold(runs):
    (runs[1] / "seed_2" / "fold_3" / "cases.csv").unlink()
    (runs[1] / "seed_2" / "fold_3").rmdir()


def drop_a_seed(runs):
    (runs[1] / "seed_2").rename(runs[1].parent / "elsewhere")


def leave_a_fold_unfinished(runs):
    (runs[1] / "seed_2" / "fold_3" / "cases.csv").unlink()


def rename_a_column(runs):
    path = runs[1] / "seed_1" / "fold_0" / "cases.csv"
    path.write_text(path.read_text().replace("raw_dice", "raw_dsc"))


def relabel_a_case(runs):
    path = runs[1] / "seed_1" / "fold_0" / "cases.csv"
    path.write_text(path.read_text().replace("c0,benign", "c0,malignant"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (drop_a_fold, "second: lacks fold 3 in seed 2, which first has"),
        (drop_a_seed, "second: lacks seed 2, which first has"),
        (leave_a_fold_unfinished, "fold_3: holds no cases.csv: this fold is not finished"),
        (rename_a_column, "has no column raw_dice"),
        (relabel_a_case, "second: case c0 has label malignant, but benign in first"),
    ],
)
def test_runs_that_do_not_pair_are_one_sentence_and_nothing_is_written(call, runs, tmp_path, damage, told):
    damage(runs)
    done = call("compare", *runs, "--out", tmp_path / "out")
    assert done.code == 2
    assert told in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_wrong_options_are_one_sentence(call, runs, tmp_path):
    for words, told in (
        (runs[:1], "nothing to compare it with"),
        ((runs[0], runs[0]), "The same run is named twice"),
        ((*runs, "--names", "a"), "1 names for 2 runs"),
        ((*runs, "--names", "a,a"), "Two systems are called a"),
        ((*runs, "--reference", "third"), "no system called third here, only first, second"),
        ((runs[0], tmp_path / "gone"), "gone: there is no such file or folder"),
    ):
        done = call("compare", *words, "--out", tmp_path / "out")
        assert (done.code, told in done.err) == (2, True), done.err
        assert not (tmp_path / "out").exists()


def test_a_run_folder_is_no_place_for_a_comparison(call, runs, tmp_path):
    place = runs[0] / "seed_1" / "fold_0"
    done = call("compare", *runs, "--out", place)
    assert done.code == 2
    assert "holds cases.csv of another command" in done.err
    assert [path.name for path in place.iterdir()] == ["cases.csv"]
