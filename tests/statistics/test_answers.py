from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.answers import delong, discordant, mcnemar

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
# Few distinct scores: ties between and within the classes.
CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=30)


def crossed(first, second):
    first, second = np.array(first), np.array(second)
    return [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]


def answered(only_first, only_second, both=3):
    first = [True] * only_first + [False] * only_second + [True] * both
    second = [False] * only_first + [True] * only_second + [True] * both
    return first, second


# --- McNemar


@given(PAIRS)
def test_exact_mcnemar_is_that_of_statsmodels(pairs):
    first, second = zip(*pairs, strict=True)
    table = crossed(first, second)
    ours = mcnemar(first, second)
    assert discordant(first, second) == (table[0][1], table[1][0])
    assert ours.n == len(pairs)
    if discordant(first, second) != (0, 0):
        theirs = statsmodels_mcnemar(table, exact=True)
        assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


@given(PAIRS)
def test_chi2_is_that_of_statsmodels_unless_both_err_equally_often(pairs):
    first, second = zip(*pairs, strict=True)
    ours = mcnemar(first, second, method="chi2")
    only_first, only_second = discordant(first, second)
    if only_first == only_second:
        # Theirs takes 1 from a difference of 0 there, and reports a chi-square above that of a difference of 1.
        assert (ours.statistic, ours.p) == (0, 1)
    else:
        theirs = statsmodels_mcnemar(crossed(first, second), exact=False, correction=True)
        assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


@given(PAIRS)
def test_mid_p_lies_below_exact_p_and_takes_off_one_observed_chance(pairs):
    first, second = zip(*pairs, strict=True)
    exact, mid = mcnemar(first, second).p, mcnemar(first, second, method="mid-p").p
    assert 0 < mid <= exact <= 1


def test_mcnemar_of_a_worked_example():
    # b = 1, c = 7: exact 2 (1 + 8) / 256; mid-p is less by the chance of the observed, 8 / 256
    first, second = answered(1, 7)
    assert mcnemar(first, second).p == pytest.approx(18 / 256)
    assert mcnemar(first, second, method="mid-p").p == pytest.approx(10 / 256)
    assert mcnemar(first, second, method="chi2").statistic == 25 / 8


@pytest.mark.parametrize("method", ["exact", "mid-p", "chi2"])
@pytest.mark.parametrize("each", [0, 1, 5])
def test_equally_many_errors_have_p_one(method, each):
    result = mcnemar(*answered(each, each), method=method)
    assert result.p == pytest.approx(1)


def test_answers_that_do_not_pair_are_refused():
    with pytest.raises(ShapeError, match="1 answers of the second arm for 2 cases"):
        mcnemar([1, 0], [1])
    with pytest.raises(StatisticsError, match="threshold"):
        mcnemar([0.3, 0.9], [1, 1])


# --- DeLong


def compared(positives, negatives):
    """Return the m x n matrix of wins: 1 above, 1/2 equal, 0 below."""
    return np.heaviside(np.subtract.outer(positives, negatives), 0.5)


def by_all_pairs(truth, first, second):
    """Return AUC difference and its variance from every pair of a positive and a negative, as in DeLong's paper."""
    wins = [compared(arm[truth], arm[~truth]) for arm in (first, second)]
    covariance = sum(np.cov([matrix.mean(axis=axis) for matrix in wins]) / wins[0].shape[1 - axis] for axis in (1, 0))
    contrast = np.array([1, -1])
    return wins[0].mean() - wins[1].mean(), contrast @ covariance @ contrast


@given(CASES)
def test_delong_is_that_of_all_pairs(cases):
    truth, first, second = (np.array(column) for column in zip(*cases, strict=True))
    assume(2 <= truth.sum() <= len(truth) - 2)
    value, variance = by_all_pairs(truth, first, second)
    result = delong(truth, first, second)
    if variance > 1e-12:
        z = value / np.sqrt(variance)
        assert result.value == pytest.approx(value)
        assert result.test.statistic == pytest.approx(z)
        assert result.test.p == pytest.approx(2 * norm.sf(abs(z)))
        assert result.interval == pytest.approx(value + norm.ppf([0.025, 0.975]) * np.sqrt(variance))
    elif abs(value) < 1e-12:
        assert (result.value, result.interval, result.test.p) == (0, (0, 0), 1)
    else:
        assert result is None


def test_the_difference_is_that_of_sklearns_areas(rng):
    truth = rng.random(200) < 0.3
    first, second = rng.normal(truth, 1).round(1), rng.normal(0.5 * truth, 1)
    result = delong(truth, first, second)
    assert result.value == pytest.approx(roc_auc_score(truth, first) - roc_auc_score(truth, second))
    assert result.test.n == 200


def test_delong_of_a_worked_example():
    # Positives' shares won: first (2/3, 1), second (1/3, 2/3); negatives': first (1, 1, 1/2), second (1, 1/2, 0).
    # Differences (1/3, 1/3) and (0, 1/2, 1/2): value 1/3, variance 0 / 2 + (1/12) / 3 = 1/36, z = 2.
    result = delong([1, 1, 0, 0, 0], [3, 5, 1, 2, 4], [2, 4, 1, 3, 5])
    assert result.value == pytest.approx(1 / 3)
    assert result.test.statistic == pytest.approx(2)
    assert result.test.p == pytest.approx(0.0455003, abs=1e-6)


def test_delong_keeps_its_level_and_covers():
    rng = np.random.default_rng(0)
    false_alarms = covered = 0
    truth = np.arange(120) < 40
    for _ in range(300):
        shared = rng.normal(truth, 1)
        alike = delong(truth, shared + rng.normal(0, 0.5, 120), shared + rng.normal(0, 0.5, 120))
        false_alarms += alike.test.p < 0.05
        covered += alike.interval[0] <= 0 <= alike.interval[1]
    assert 0.015 <= false_alarms / 300 <= 0.09
    assert covered == 300 - false_alarms


@given(CASES)
def test_swapped_arms_change_the_sign_and_monotone_scores_change_nothing(cases):
    truth, first, second = (np.array(column) for column in zip(*cases, strict=True))
    result, mirrored = delong(truth, first, second), delong(truth, second, np.exp(first))
    if result is None:
        assert mirrored is None
    else:
        assert mirrored.value == pytest.approx(-result.value)
        assert mirrored.test.p == pytest.approx(result.test.p)


def test_a_wider_level_gives_a_wider_interval(rng):
    truth = np.arange(40) < 15
    first, second = rng.normal(truth), rng.normal(truth)
    narrow, wide = (delong(truth, first, second, level).interval for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize("truth", [[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]])
def test_too_few_of_a_class_give_none(truth):
    assert delong(truth, [0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.3, 0.2]) is None


def test_perfect_against_constant_has_no_spread_to_judge_by():
    assert delong([1, 1, 0, 0], [4, 3, 2, 1], [0, 0, 0, 0]) is None


def test_scores_that_do_not_pair_are_refused():
    with pytest.raises(ShapeError, match="3 scores for 4 cases"):
        delong([1, 1, 0, 0], [1, 2, 3], [1, 2, 3])
    with pytest.raises(StatisticsError, match="undefined"):
        delong([1, 1, 0, 0], [1, 2, 3, np.nan], [1, 2, 3, 4])
