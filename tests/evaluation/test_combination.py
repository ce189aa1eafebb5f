"""Combining and refining rows gives what scoring the combined or refined answer gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from echoduet.errors import ManifestError
from echoduet.evaluation.cases import CaseScore, score_case
from echoduet.evaluation.combination import combine, combine_all, refine_score
from echoduet.models.refinement import refine
from echoduet.records import CLASSES, Label, Prediction

MASKS = st.one_of(arrays.arrays(np.bool_, (9, 12)), st.just(np.zeros((9, 12), bool)), st.just(np.ones((9, 12), bool)))
PREDICTIONS = st.builds(
    Prediction,
    case_id=st.just("case"),
    mask=st.none() | MASKS,
    probabilities=st.just(np.array([0.5, 0.3, 0.2])),
    label=st.none() | st.sampled_from(CLASSES),
)
LABELS = st.sampled_from(CLASSES)
REFERENCES = st.none() | MASKS


def score(label: Label, prediction: Prediction, reference: np.ndarray | None) -> CaseScore:
    return score_case("case", label, "pair", 1, prediction, reference)


@given(LABELS, PREDICTIONS, REFERENCES)
def test_a_refined_row_is_the_row_of_the_refined_answer(label, prediction, reference):
    assert refine_score(score(label, prediction, reference)) == score(label, refine(prediction), reference)


@given(LABELS, PREDICTIONS)
def test_without_a_mask_reference_too(label, prediction):
    assert refine_score(score(label, prediction, None)) == score(label, refine(prediction), None)


@given(LABELS, MASKS, st.sampled_from(CLASSES), REFERENCES)
def test_a_combined_row_is_the_row_of_the_combined_answer(label, mask, answered, reference):
    probabilities = np.array([0.2, 0.5, 0.3])
    alone = score(label, Prediction("case", mask, None, None), reference)
    classes = score(label, Prediction("case", None, probabilities, answered), reference)
    both = Prediction("case", mask, probabilities, answered)
    assert combine(alone, classes) == score(label, both, reference)
    assert refine_score(combine(alone, classes)) == score(label, refine(both), reference)


@given(LABELS, PREDICTIONS, REFERENCES)
def test_refining_twice_changes_nothing_more(label, prediction, reference):
    once = refine_score(score(label, prediction, reference))
    assert refine_score(once) == once


def row(**changes):
    return replace(CaseScore("a", Label.BENIGN, None, 0, 9, 12), **changes)


@pytest.mark.parametrize("other", [{"case_id": "b"}, {"fold": 1}, {"label": Label.NORMAL}])
def test_rows_of_different_cases_or_folds_are_not_combined(other):
    with pytest.raises(ManifestError, match='"a"'):
        combine(row(), row(**other))


def test_tables_pair_row_by_row():
    masks, classes = (row(dice=0.5), row(case_id="b", dice=0.7)), (row(predicted=Label.BENIGN), row(case_id="b"))
    assert [score.dice for score in combine_all(masks, classes)] == [0.5, 0.7]
    assert [score.predicted for score in combine_all(masks, classes)] == [Label.BENIGN, None]
    with pytest.raises(ManifestError, match="2 and 1 cases"):
        combine_all(masks, classes[:1])
