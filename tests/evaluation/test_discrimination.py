from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from echoduet.evaluation import discrimination as ours


@pytest.fixture
def ranked(rng):
    """Positives that score higher on average, with ties, and how often each case counts."""
    positive = rng.random(150) < 0.35
    score = np.round(rng.normal(positive * 1.0, 1.0), 1)
    return positive, score, rng.integers(0, 4, 150)


def test_areas_agree_with_scikit_learn_on_weighted_cases_with_ties(ranked):
    positive, score, weights = ranked
    kept = weights > 0
    expected = sk.roc_auc_score(positive[kept], score[kept], sample_weight=weights[kept])
    assert float(ours.auroc(positive, score, weights.astype(float))) == pytest.approx(expected)
    expected = sk.average_precision_score(positive, score, sample_weight=weights)
    assert float(ours.average_precision(positive, score, weights.astype(float))) == pytest.approx(expected)


def test_macro_area_agrees_with_scikit_learn(rng):
    probabilities = rng.dirichlet([1, 1, 1], 120)
    truth = np.array([rng.choice(3, p=0.5 * p + 0.5 / 3) for p in probabilities])
    expected = sk.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert float(ours.auroc_macro(truth, probabilities)) == pytest.approx(expected)


def test_macro_area_leaves_out_a_class_without_cases(rng):
    probabilities, truth = rng.dirichlet([1, 1, 1], 40), np.arange(40) % 2
    expected = np.mean([sk.roc_auc_score(truth == k, probabilities[:, k]) for k in range(2)])
    assert float(ours.auroc_macro(truth, probabilities)) == pytest.approx(expected)


@pytest.mark.parametrize("area", [ours.auroc, ours.average_precision])
def test_many_resamples_at_once_are_the_same_as_one_by_one(ranked, rng, area):
    positive, score, _ = ranked
    weights = rng.integers(0, 3, (7, len(score))).astype(float)
    together = area(positive, score, weights)
    np.testing.assert_allclose(together, [area(positive, score, row) for row in weights])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_area_counts_the_pairs_in_the_right_order(cases):
    positive = np.array([p for p, _ in cases])
    score = np.array([float(s) for _, s in cases])
    area = ours.auroc(positive, score)
    if positive.all() or not positive.any():
        assert np.isnan(area)
        return
    pairs = [(p > n) + 0.5 * (p == n) for p in score[positive] for n in score[~positive]]
    assert float(area) == pytest.approx(np.mean(pairs))
    assert float(ours.auroc(~positive, -score)) == pytest.approx(float(area))


def test_areas_without_cases_or_positives_are_undefined():
    nobody, nothing = np.zeros(0, dtype=bool), np.zeros(0)
    assert np.isnan(ours.auroc(nobody, nothing))
    assert np.isnan(ours.average_precision(nobody, nothing))
    assert ours.average_precision(nobody, nothing, np.zeros((4, 0))).shape == (4,)
    assert np.isnan(ours.average_precision(np.zeros(3, dtype=bool), np.arange(3.0)))


def test_the_roc_curve_runs_through_scikit_learns_points(ranked):
    positive, score, _ = ranked
    false, true = ours.roc_curve(positive, score)
    expected_false, expected_true, _ = sk.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(false, expected_false)
    np.testing.assert_allclose(true, expected_true)
    assert np.trapezoid(true, false) == pytest.approx(float(ours.auroc(positive, score)))


@pytest.mark.parametrize("target", [0.5, 0.8, 0.9, 0.95, 1.0])
def test_thresholds_reach_their_target_at_the_best_price(ranked, target):
    positive, score, _ = ranked
    false, true, _ = sk.roc_curve(positive, score, drop_intermediate=False)
    called = score >= ours.threshold_at_specificity(positive, score, target)
    assert (~called[~positive]).mean() >= target - 1e-12
    assert called[positive].mean() == pytest.approx(true[false <= 1 - target + 1e-12].max())
    called = score >= ours.threshold_at_sensitivity(positive, score, target)
    assert called[positive].mean() >= target - 1e-12
    assert (~called[~positive]).mean() == pytest.approx(1 - false[true >= target - 1e-12].min())


def test_a_threshold_needs_cases_of_the_side_it_is_set_on():
    everyone, score = np.ones(3, dtype=bool), np.arange(3.0)
    assert ours.threshold_at_specificity(everyone, score, 0.9) is None
    assert ours.threshold_at_sensitivity(~everyone, score, 0.9) is None


def at_half(positive, score):
    return ours.threshold_at_sensitivity(positive, score, 0.5)


def test_a_fold_is_decided_at_a_threshold_of_the_other_folds():
    positive = np.array([True, False, True, False])
    score = np.array([0.9, 0.8, 0.3, 0.1])
    decision = ours.decide(positive, score, [0, 0, 1, 1], at_half)
    assert decision.chosen == "out of fold"
    assert decision.thresholds == (0.3, 0.9)
    np.testing.assert_array_equal(decision.positive, [1, 1, 0, 0])


def test_a_folds_own_cases_do_not_move_its_threshold(ranked):
    positive, score, _ = ranked
    folds = [i % 3 for i in range(len(score))]
    moved = np.where(np.array(folds) == 1, score + 5, score)
    before, after = (ours.decide(positive, s, folds, at_half).thresholds for s in (score, moved))
    assert before[1] == after[1]
    assert before[0] != after[0]


@pytest.mark.parametrize("folds", [[None] * 4, [2] * 4, [0, 1, None, 1]])
def test_without_two_folds_the_threshold_is_said_to_be_chosen_on_the_same_cases(folds):
    positive, score = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.3, 0.1])
    decision = ours.decide(positive, score, folds, at_half)
    assert decision.chosen == "on the same cases"
    assert decision.thresholds == (0.9,)


def test_where_no_threshold_can_be_chosen_nothing_is_decided():
    positive, score = np.array([True, False, False]), np.array([0.9, 0.2, 0.1])
    decision = ours.decide(positive, score, [0, 1, 1], at_half)
    assert decision.thresholds == (None, 0.9)
    np.testing.assert_array_equal(decision.positive, [np.nan, 0, 0])
