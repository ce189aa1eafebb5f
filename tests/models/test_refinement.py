from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.measure import label as components

from echoduet.models.refinement import HARD, OFF, Rule, drop_specks, read_rule, refine
from echoduet.records import CLASSES, Label, Prediction

MASKS = arrays.arrays(np.bool_, (4, 5))
PREDICTIONS = st.builds(
    Prediction,
    case_id=st.just("case"),
    mask=st.none() | MASKS,
    probabilities=st.just(np.array([0.5, 0.3, 0.2])),
    label=st.none() | st.sampled_from(CLASSES),
    faint=st.none() | MASKS,
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


RULES = st.builds(
    Rule,
    empty_at=st.none() | st.floats(0, 1),
    normal_at=st.floats(0, 1),
    min_area=st.sampled_from([0.0, 0.1, 0.2]),
    peak_share=st.sampled_from([0.0, 0.5]),
)


@given(PREDICTIONS)
def test_the_hard_rule_is_the_papers(prediction: Prediction) -> None:
    refined = refine(prediction, HARD)
    if prediction.mask is None or prediction.label is None:
        assert refined is prediction
        return
    mask = np.zeros_like(prediction.mask) if prediction.label is Label.NORMAL else prediction.mask
    assert np.array_equal(refined.mask, mask)
    assert refined.label is (prediction.label if mask.any() else Label.NORMAL)


@given(PREDICTIONS)
def test_switched_off_it_returns_what_it_was_given(prediction: Prediction) -> None:
    assert refine(prediction, OFF) is prediction


@given(PREDICTIONS, RULES)
def test_any_rule_only_takes_away_but_for_faint_lesions_and_settles_at_once(prediction: Prediction, rule: Rule) -> None:
    refined = refine(prediction, rule)
    assert refined.label in (prediction.label, Label.NORMAL)
    assert refined.probabilities is prediction.probabilities
    if prediction.mask is not None:
        faint = prediction.faint is not None and rule.peak_share > 0 and prediction.label not in (None, Label.NORMAL)
        assert not (refined.mask & ~(prediction.faint if faint else prediction.mask)).any()
    again = refine(refined, replace(rule, empty_at=0.99) if rule.empty_at is None else rule)
    assert again.label is refined.label
    assert again.mask is refined.mask or np.array_equal(again.mask, refined.mask)


@pytest.mark.parametrize(
    ("p_normal", "label", "rule", "emptied", "answer"),
    [
        (0.45, Label.NORMAL, Rule(empty_at=0.5), False, Label.NORMAL),  # most probable, but not sure enough
        (0.5, Label.NORMAL, Rule(empty_at=0.5), True, Label.NORMAL),
        (0.4, Label.BENIGN, Rule(empty_at=0.4), True, Label.NORMAL),  # not the answer, yet enough to empty
        (0.4, Label.BENIGN, Rule(empty_at=0.4, normal_at=0.41), True, Label.BENIGN),
        (0.1, Label.BENIGN, Rule(min_area=0.3), True, Label.NORMAL),
        (0.1, Label.BENIGN, Rule(min_area=0.3, normal_at=0.2), True, Label.BENIGN),
        (0.1, Label.BENIGN, Rule(min_area=0.2), False, Label.BENIGN),  # four pixels of twenty are a fifth
    ],
)
def test_the_soft_rule_at_its_thresholds(p_normal, label, rule, emptied, answer) -> None:
    shares = np.array([1 - p_normal, 0.0, p_normal])
    refined = refine(Prediction("case", SOME, shares, label), rule)
    assert refined.mask.any() == (not emptied)
    assert refined.label is answer


@pytest.mark.parametrize(
    ("label", "rule", "taken", "answer"),
    [
        (Label.BENIGN, Rule(peak_share=0.5), SOME, Label.BENIGN),
        (Label.BENIGN, Rule(), NONE, Label.NORMAL),  # the paper's rule looks for nothing
        (Label.NORMAL, Rule(peak_share=0.5), NONE, Label.NORMAL),
        (Label.NORMAL, Rule(empty_at=0.9, peak_share=0.5), NONE, Label.NORMAL),  # asks for no lesion
        (Label.BENIGN, Rule(empty_at=0.5, peak_share=0.5), NONE, Label.NORMAL),
        (Label.BENIGN, Rule(min_area=0.3, peak_share=0.5), NONE, Label.NORMAL),  # too small in the end
    ],
)
def test_a_class_with_a_lesion_has_a_faint_one_outlined(label, rule, taken, answer) -> None:
    prediction = Prediction("case", NONE, np.array([0.3, 0.2, 0.5]), label, faint=SOME)
    refined = refine(prediction, rule)
    assert np.array_equal(refined.mask, taken)
    assert refined.label is answer


@pytest.mark.parametrize(("peak", "level"), [(1.0, 0.4), (0.8, 0.4), (0.6, 0.3), (0.02, 0.01), (0.0, 0.4)])
def test_a_faint_map_is_cut_at_a_share_of_its_peak(peak, level) -> None:
    assert Rule(peak_share=0.5).level(peak, 0.4) == pytest.approx(level)
    assert HARD.level(peak, 0.4) == 0.4


def test_specks_are_dropped_lesion_by_lesion() -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[1:4, 1:4] = True  # nine pixels
    mask[6, 6] = mask[7, 7] = True  # two, that touch at a corner
    assert drop_specks(mask, 0.02) is mask
    kept = drop_specks(mask, 0.03)
    assert kept.sum() == 9
    assert kept[2, 2]
    assert not drop_specks(mask, 0.1).any()
    alone = refine(Prediction("case", mask, None, None), Rule(min_area=0.03))
    assert alone.mask.sum() == 9  # without a class there are still specks


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.integers(2, 9))
def test_specks_are_those_of_scikit_image(mask: np.ndarray, least: int) -> None:
    turned = mask[:, ::-1]  # not contiguous
    parts = components(turned, connectivity=2)
    expected = turned & (np.bincount(parts.ravel())[parts] >= least)
    np.testing.assert_array_equal(drop_specks(turned, least / mask.size), expected)


@given(RULES)
def test_a_rule_comes_back_from_a_bundles_thresholds(rule: Rule) -> None:
    assert read_rule("soft", {"mask": 0.4, **rule.thresholds()}) == rule
    assert read_rule("hard", rule.thresholds()) == HARD
    assert read_rule("none", rule.thresholds()) == OFF
    assert read_rule("soft", {"mask": 0.5}) == HARD
