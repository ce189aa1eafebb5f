"""The table of the recipe search is that of the rows, and the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

import recipe_search
from echoduet.evaluation.cases import CaseScore, write_cases
from echoduet.records import Label

PAGE = Path(__file__).parents[2] / "docs" / "experiments.md"


def write_rows(folder, dice, folds=(0, 1)):
    for fold in folds:
        rows = [
            CaseScore(f"case ({i})", Label.BENIGN, None, fold, 8, 8, dice=dice + 0.1 * fold, predicted=Label.BENIGN)
            for i in range(4)
        ]
        normal = CaseScore("normal (1)", Label.NORMAL, None, fold, 8, 8, predicted_area=3, dice=0.0)
        write_cases(folder / f"fold_{fold}.csv", [*rows, normal], [*rows, normal])


def test_means_and_differences_follow_from_the_rows(tmp_path):
    for setting in recipe_search.SETTINGS:
        write_rows(tmp_path / setting, 0.7 if setting == "plain" else 0.6)
    lines = recipe_search.table(tmp_path).splitlines()
    assert lines[2] == "| plain | 0, 1 | 0.600 | 0.750 | 0.000 | 0.800 |"
    (first,) = [line for line in lines if line.startswith("| frozen − plain |")]
    assert first.startswith("| frozen − plain | 0, 1 | -0.080 (")
    # The only normal image is one group: nothing to resample.
    assert "| -0.100 (-0.100 to -0.100) | +0.000 | +0.000 (+0.000 to +0.000) |" in first


def test_a_difference_looks_at_the_folds_that_both_have(tmp_path):
    write_rows(tmp_path / "a", 0.7, folds=(0, 1))
    write_rows(tmp_path / "b", 0.7, folds=(1,))
    first, second = (recipe_search.read(name, tmp_path) for name in "ab")
    measure = recipe_search.MEASURES["lesion Dice"]
    assert recipe_search.difference(first, second, measure).startswith("+0.000")
    assert recipe_search.mean(first, (1,), measure) == pytest.approx(0.8)


def test_the_page_shows_the_table_of_the_rows_in_the_repository():
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split("<!-- recipe search: begin -->")[1].split("<!-- recipe search: end -->")[0].strip()
    assert shown == recipe_search.table()


def test_the_page_shows_the_table_of_the_long_training():
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split("<!-- long: begin -->")[1].split("<!-- long: end -->")[0].strip()
    assert shown == recipe_search.long_table()


def test_a_task_that_a_setting_does_not_have_is_left_blank():
    lines = recipe_search.long_table().splitlines()
    segmenter, classifier = (
        next(line for line in lines if line.startswith(f"| {name}")) for name in ("ST(Seg)", "ST(Cls)")
    )
    assert segmenter.split("|")[5].strip() == ""
    assert classifier.split("|")[3].strip() == ""
