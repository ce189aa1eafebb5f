"""What scoring commands leave behind, and their few lines on the console."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from echoduet.cli.results import provenance, scored_at, summary, write_results
from echoduet.evaluation.cases import read_cases, score_case
from echoduet.experiments.evaluate import Example, Scores
from echoduet.records import CLASSES, Case, Label, Prediction


def answer(case_id, label, found):
    mask = np.zeros((40, 50), bool)
    mask[10:30, 10:30] = found
    probabilities = np.full(3, 0.1)
    probabilities[CLASSES.index(label)] = 0.8
    return Prediction(case_id, mask, probabilities, label)


@pytest.fixture
def scores():
    reference = {label: np.zeros((40, 50), bool) for label in CLASSES}
    for label in (Label.BENIGN, Label.MALIGNANT):
        reference[label][10:30, 10:30] = True
    rows = [
        score_case(
            f"{label} {n}", label, None, n % 2, answer(f"{label} {n}", label, label != "normal"), reference[label]
        )
        for label in CLASSES
        for n in range(4)
    ]
    return Scores(None, tuple(rows), tuple(rows))


def test_rows_and_totals_are_written_and_the_report_only_with_pictures(scores, tmp_path):
    metrics = write_results(tmp_path / "a", scores, "A", {"model": "m"}, ["Look twice."])
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"cases.csv", "metrics.json"}
    assert json.loads((tmp_path / "a" / "metrics.json").read_text()) == json.loads(json.dumps(metrics))
    assert metrics["provenance"] == {"scored_at": "each image's own size", "warnings": ["Look twice."], "model": "m"}
    assert read_cases(tmp_path / "a" / "cases.csv") == (scores.raw, scores.refined)


def test_the_report_shows_the_cases_it_asks_for(scores, tmp_path):
    asked = []

    def show(case_ids):
        asked.extend(case_ids)
        for case_id in case_ids:
            label = Label(case_id.split()[0])
            case = Case(case_id, tmp_path / "x.png", (), label)
            yield Example(case, np.zeros((40, 50), np.uint8), None, answer(case_id, label, True))

    write_results(tmp_path, scores, "The title", {}, ["Look twice."], show)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The title" in page
    assert "Look twice." in page
    assert asked
    assert all(case_id in page for case_id in asked)


def test_the_console_gets_the_few_figures_with_their_spread(scores, tmp_path):
    lines = summary(write_results(tmp_path, scores, "", {})).splitlines()
    assert lines[0] == "12 cases, scored at each image's own size"
    dice = next(line for line in lines if line.startswith("lesion Dice"))
    assert dice.split()[2:4] == ["1.000", "1.000"]
    assert "sd over folds 0.000" in dice
    assert "95 % interval 1.000 to 1.000" in dice


def test_a_model_without_classes_has_no_line_for_them(scores, tmp_path):
    bare = [dataclasses.replace(s, predicted=None, p_benign=None, p_malignant=None, p_normal=None) for s in scores.raw]
    text = summary(write_results(tmp_path, Scores(48, tuple(bare), tuple(bare)), "", {}))
    assert "accuracy" not in text
    assert "48x48" in text


def test_an_undefined_figure_is_a_dash(scores, tmp_path):
    lesions = tuple(score for score in scores.raw if score.has_lesion)
    text = summary(write_results(tmp_path, Scores(None, lesions, lesions), "", {}))
    assert [line.split()[-2:] for line in text.splitlines() if line.startswith("normals left empty")] in (
        [],
        [["-", "-"]],
    )


def test_lists_of_cases_stay_out_of_the_metrics():
    told = provenance({"fold": 1, "train_ids": ["a"], "image_sha256": {"a": "b"}})
    assert told["model_provenance"] == {"fold": 1}
    assert told["environment"]["python"]


def test_grids_have_names():
    assert scored_at(128) == "128x128, aspect ratio squashed"
