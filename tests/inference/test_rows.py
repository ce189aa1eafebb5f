"""What the tables say about an analysis."""

from __future__ import annotations

import json

import numpy as np
import pytest

from echoduet.inference.rows import COLUMNS, LESION_COLUMNS, flat, flat_lesions, record
from echoduet.records import Analysis, Box, Check, Ground, Scan, Spacing

CHECKS = (Check(Ground.TOO_SMALL, 0.5, 1.0), Check(Ground.OUT_OF_DISTRIBUTION, 7.25, 4.0))


@pytest.fixture
def scan():
    image = np.zeros((90, 130), np.uint8)
    image[20:60, 30:100] = 255
    return Scan("a", image, region=Box(5, 10, 80, 110), spacing=Spacing(0.1, 0.2), frame=4)


def test_a_record_is_json_and_names_everything(make_predictor, scan):
    (analysis,) = make_predictor().analyse([scan])
    row = json.loads(json.dumps(record(analysis, analysis.refined, analysis.lesions), allow_nan=False))
    assert (row["name"], row["frame"], row["width"], row["height"]) == ("a", 4, 130, 90)
    assert row["region"] == {"top": 5, "left": 10, "height": 80, "width": 110}
    assert row["spacing"] == {"row": 0.1, "column": 0.2}
    assert row["lesion_area"] == analysis.refined.mask.sum()
    assert row["lesion_share"] == pytest.approx(analysis.refined.mask.mean(), abs=1e-6)
    (lesion,) = row["lesions"]
    assert lesion["width_height_ratio"] == pytest.approx(lesion["width"] / lesion["height"], abs=1e-5)
    assert set(row["uncertainty"]["classes"]) == {"benign", "malignant", "normal"}


def test_a_row_has_a_cell_for_every_number_and_no_other(make_predictor, scan):
    (analysis,) = make_predictor().analyse([scan])
    row = record(analysis, analysis.refined, analysis.lesions)
    assert set(flat(row)) | {"file", "mask", "overlay"} == set(COLUMNS)
    assert [set(lesion) for lesion in flat_lesions(row)] == [set(LESION_COLUMNS)]
    assert flat(row)["spacing_column"] == 0.2
    assert flat(row)["lesions"] == 1


def test_a_refused_picture_says_why_and_answers_nothing(scan):
    row = record(Analysis(scan, CHECKS), None, ())
    assert row["refused"] == ["out_of_distribution"]
    assert row["checks"] == [
        {"ground": "too_small", "score": 0.5, "threshold": 1.0},
        {"ground": "out_of_distribution", "score": 7.25, "threshold": 4.0},
    ]
    cells = flat(row)
    assert cells["refused"] == "out_of_distribution"
    for key in ("label", "label_raw", "lesion_area", "lesions", "probability_benign", "readings"):
        assert cells[key] is None


def test_a_model_without_masks_has_no_area_and_one_without_classes_no_probability(make_predictor, scan):
    for tasks, empty in (("classification", "lesion_area"), ("segmentation", "probability_normal")):
        (analysis,) = make_predictor(tasks=tasks).analyse([scan])
        assert flat(record(analysis, analysis.refined, analysis.lesions))[empty] is None
