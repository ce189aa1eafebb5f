from __future__ import annotations

import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from echoduet.errors import ManifestError, OutputError, ShapeError
from echoduet.evaluation.cases import CaseScore, read_cases, score_case, write_cases
from echoduet.evaluation.overlap import dice, jaccard
from echoduet.evaluation.surface import assd, hd95, nsd
from echoduet.records import CLASSES, Label, Prediction

SHAPE = (60, 80)


def square(top=20, left=20, side=20):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


EMPTY = np.zeros(SHAPE, dtype=bool)


def answer(mask=None, probabilities=(0.2, 0.7, 0.1), label=Label.MALIGNANT):
    return Prediction("a", mask, None if probabilities is None else np.array(probabilities), label)


def score(label, prediction, reference, **kwargs):
    return score_case("a", label, "g1", 2, prediction, reference, **kwargs)


def test_a_lesion_gets_every_score_and_they_are_those_of_the_metrics():
    predicted, reference = square(22, 18), square()
    row = score(Label.MALIGNANT, answer(predicted), reference, tolerance=1.5)
    assert (row.case_id, row.group, row.fold, row.height, row.width) == ("a", "g1", 2, 60, 80)
    assert (row.reference_area, row.predicted_area) == (400, 400)
    assert row.dice == dice(predicted, reference)
    assert row.iou == jaccard(predicted, reference)
    assert row.hd95 == hd95(predicted, reference)
    assert row.assd == assd(predicted, reference)
    assert row.nsd == nsd(predicted, reference, 1.5) != nsd(predicted, reference, 2.5)
    assert (row.lesions, row.lesions_found, row.false_lesions) == (1, 1, 0)
    assert row.predicted is Label.MALIGNANT
    assert row.probabilities == (0.2, 0.7, 0.1)


def test_a_missed_lesion_scores_zero_and_the_images_diagonal():
    row = score(Label.BENIGN, answer(EMPTY), square())
    assert (row.dice, row.iou, row.nsd) == (0, 0, 0)
    assert row.hd95 == row.assd == math.hypot(60, 80) == 100
    assert (row.lesions, row.lesions_found, row.false_lesions) == (1, 0, 0)


@pytest.mark.parametrize(("mask", "expected"), [(EMPTY, 1.0), (square(), 0.0)])
def test_a_normal_image_scores_one_when_left_empty_else_zero(mask, expected):
    row = score(Label.NORMAL, answer(mask), EMPTY)
    assert row.dice == row.iou == expected
    assert row.nsd is row.hd95 is row.assd is None
    assert row.false_lesions == (0 if expected else 1)


@pytest.mark.parametrize("reference", [None, EMPTY])
def test_a_lesion_that_nobody_outlined_has_no_mask_score(reference):
    row = score(Label.BENIGN, answer(square()), reference)
    assert row.dice is row.hd95 is row.lesions is row.lesions_found is None
    assert row.predicted_area == 400
    assert (row.height, row.width) == SHAPE


def test_a_classifier_has_no_mask_scores_and_a_segmenter_no_class():
    classifier = score(Label.BENIGN, answer(None), square())
    assert classifier.dice is classifier.predicted_area is None
    assert classifier.predicted is Label.MALIGNANT
    segmenter = score(Label.BENIGN, answer(square(), None, None), square())
    assert segmenter.dice == 1.0
    assert segmenter.predicted is segmenter.probabilities is None


def test_stray_pixels_of_an_outline_are_not_counted_as_lesions():
    shape = (400, 400)
    reference = np.zeros(shape, dtype=bool)
    reference[100:200, 100:200] = reference[5, 5] = True
    row = score(Label.BENIGN, answer(reference), reference)
    assert (row.lesions, row.lesions_found, row.false_lesions) == (1, 1, 0)


def test_masks_on_different_grids_are_refused_by_the_cases_name():
    with pytest.raises(ShapeError, match=r"a: .*80x60.*10x10"):
        score(Label.BENIGN, answer(square()), np.ones((10, 10), dtype=bool))


@pytest.fixture
def rows(rng):
    """Rows of every kind, with ids and groups that a CSV must quote, and floats that text could shorten."""
    raw = []
    for i, label in enumerate(CLASSES * 3):
        probabilities = rng.dirichlet([1, 1, 1])
        mask = square(int(rng.integers(5, 35)), 20) if i % 2 else EMPTY
        prediction = answer(mask, probabilities, CLASSES[int(probabilities.argmax())])
        reference = EMPTY if label is Label.NORMAL else square()
        raw.append(score_case(f'{label} ({i}), "x"', label, f"g,{i}" if i % 3 else None, i % 4, prediction, reference))
    raw.append(CaseScore("bare", Label.BENIGN, None, None, 0, 0))
    return raw, [replace(row, predicted=Label.NORMAL, predicted_area=0, p_benign=1 / 3) for row in raw]


def test_what_is_written_is_read_back_to_the_last_digit(tmp_path, rows):
    write_cases(tmp_path / "cases.csv", *rows)
    raw, refined = read_cases(tmp_path / "cases.csv")
    assert list(raw) == rows[0]
    assert list(refined) == rows[1]


def test_the_file_has_one_row_a_case_with_both_answers(tmp_path, rows):
    write_cases(tmp_path / "cases.csv", *rows)
    with (tmp_path / "cases.csv").open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [row["case_id"] for row in written] == [row.case_id for row in rows[0]]
    assert written[0].keys() >= {"label", "fold", "raw_dice", "refined_dice", "raw_hd95", "refined_p_malignant"}
    assert written[-1]["raw_dice"] == ""


def test_scores_of_different_cases_are_not_put_side_by_side(tmp_path, rows):
    with pytest.raises(ManifestError, match="same cases in the same order"):
        write_cases(tmp_path / "cases.csv", rows[0], rows[1][::-1])
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path, rows):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_cases(tmp_path / "file" / "cases.csv", *rows)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("raw_dice", "raw_dise", "row 2 has no column raw_dice"),
        ("\nbare,benign", "\nbare,benin", "row 11, column label: 'benin'"),
        (",60,80,", ",60,wide,", "row 2, column width: 'wide'"),
        (",60,80,", ",60,-80,", "row 2, column width: -80 cannot be"),
    ],
)
def test_a_damaged_file_is_refused_by_row_and_column(tmp_path, rows, old, new, named):
    path = tmp_path / "cases.csv"
    write_cases(path, *rows)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ManifestError, match=named):
        read_cases(path)


@pytest.mark.parametrize(
    ("name", "value"), [("dice", 1.01), ("p_normal", -0.2), ("iou", math.nan), ("hd95", math.inf), ("assd", -1.0)]
)
def test_a_score_that_cannot_be_is_refused_by_row_and_column(tmp_path, rows, name, value):
    path = tmp_path / "cases.csv"
    write_cases(path, [replace(rows[0][0], **{name: value}), *rows[0][1:]], rows[1])
    with pytest.raises(ManifestError, match=rf"row 2, column raw_{name}: .* cannot be"):
        read_cases(path)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"nowhere\.csv"):
        read_cases(tmp_path / "nowhere.csv")
    (tmp_path / "cases.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_cases(tmp_path / "cases.csv")
