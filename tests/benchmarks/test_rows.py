"""A row of `make bench`, and where the paper's images come from."""

from __future__ import annotations

import pytest

import rows
from echoduet.data.manifest import read_manifest


def test_a_row_says_whether_a_goal_is_met_and_nothing_where_there_is_none():
    assert rows.Row("a", "1 s", "< 2 s", met=True).line() == "| a | 1 s | < 2 s | yes |"
    assert rows.Row("a", "3 s", "< 2 s", met=False).line() == "| a | 3 s | < 2 s | NO |"
    assert rows.Row("a", "3 s").line() == "| a | 3 s |  |  |"


def test_a_rate_counts_all_images_but_those_of_the_first_step():
    steps = []
    assert rows.rate(lambda: steps.append(0) or 5, seconds=0.0) == 0
    assert rows.rate(lambda: steps.append(0) or 5, seconds=0.01) > 0
    assert len(steps) > 2


def test_the_papers_images_are_listed_once(miniature_busi, tmp_path, monkeypatch):
    assert rows.papers_manifest(miniature_busi, tmp_path / "made") is None
    (tmp_path / "mapping_curated_BUSI.csv").write_text("class;id\nbenign;1\nmalignant;1\nnormal;1\n")
    made = rows.papers_manifest(miniature_busi, tmp_path / "made")
    assert [case.case_id for case in read_manifest(made)] == ["benign (1)", "malignant (1)", "normal (1)"]
    monkeypatch.setattr(rows, "command", lambda *words: pytest.fail("made again"))
    assert rows.papers_manifest(miniature_busi, tmp_path / "made") == made
