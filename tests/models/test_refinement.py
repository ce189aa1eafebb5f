from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from echoduet.models.refinement import refine
from echoduet.records import CLASSES, Label, Prediction

MASKS = arrays.arrays(np.bool_, (4, 5))
PREDICTIONS = st.builds(
    Prediction,
    case_id=st.just("case"),
    mask=st.none() | MASKS,
    probabilities=st.just(np.array([0.5, 0.3, 0.2])),
    label=st.none() | st.sampled_from(CLASSES),
)
SOME = np.eye(4, 5, dtype=bool)
NONE = np.zeros((4, 5), dtype=bool)


def predicted(mask: np.ndarray | None, label: Label | None) -> Prediction:
    return Prediction("case", mask, np.array([0.2, 0.3, 0.5]), label)


def test_a_normal_image_has_no_mask() -> None:
    refined = refine(predicted(SOME, Label.NORMAL))
    assert not refined.mask.any()
    assert refined.mask.shape == SOME.shape
    assert SOME.any()  # the given mask is left alone


def test_an_image_without_mask_is_normal() -> None:
    assert refine(predicted(NONE, Label.MALIGNANT)).label is Label.NORMAL


def test_agreeing_answers_stay() -> None:
    for prediction in (predicted(SOME, Label.BENIGN), predicted(SOME, Label.MALIGNANT), predicted(NONE, Label.NORMAL)):
        refined = refine(prediction)
        assert refined.label is prediction.label
        assert np.array_equal(refined.mask, prediction.mask)


def test_one_answer_alone_is_not_touched() -> None:
    for prediction in (predicted(None, Label.NORMAL), predicted(NONE, None), predicted(SOME, None)):
        assert refine(prediction) is prediction


@given(PREDICTIONS)
def test_refined_answers_agree_and_refining_again_changes_nothing(prediction: Prediction) -> None:
    refined = refine(prediction)
    if refined.mask is not None and refined.label is not None:
        assert refined.mask.any() == (refined.label is not Label.NORMAL)
        assert not (refined.mask & ~prediction.mask).any()  # never adds a pixel
    again = refine(refined)
    assert again.label == refined.label
    assert again.mask is refined.mask or np.array_equal(again.mask, refined.mask)
    assert np.array_equal(refined.probabilities, prediction.probabilities)
