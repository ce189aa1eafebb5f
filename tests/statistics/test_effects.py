from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.discrete.conditional_models import ConditionalLogit

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.effects import cohen_dz, matched_rank_biserial, odds_ratio

COARSE = st.lists(st.tuples(*[st.integers(0, 6)] * 2), min_size=1, max_size=15)


def test_dz_is_the_t_statistic_over_root_n(rng):
    first, second = rng.normal(0.1, 1, 30), rng.normal(0, 1, 30)
    assert cohen_dz(first, second) == pytest.approx(stats.ttest_rel(first, second).statistic / np.sqrt(30))


@given(COARSE, st.integers(1, 4))
def test_effects_keep_their_sign_and_ignore_the_unit(pairs, scale):
    first, second = np.array(pairs, dtype=float).T
    for effect in (cohen_dz, matched_rank_biserial):
        size = effect(first, second)
        if size is not None:
            assert effect(second, first) == pytest.approx(-size)
            assert effect(scale * first, scale * second) == pytest.approx(size)


def test_dz_without_spread():
    assert cohen_dz([0.3, 0.4], [0.3, 0.4]) == 0
    assert cohen_dz([0.3, 0.2], [0.2, 0.1]) is None
    assert cohen_dz([0.3], [0.1]) is None


@given(COARSE)
def test_rank_biserial_follows_from_scipys_rank_sums(pairs):
    first, second = np.array(pairs, dtype=float).T
    size = matched_rank_biserial(first, second)
    if (first == second).all():
        assert size == 0
        return
    # The normal approximation: only it takes zeros and ties in every version; the rank sums are the same.
    plus, minus = (
        stats.wilcoxon(a, b, zero_method="pratt", alternative="greater", method="approx").statistic
        for a, b in ((first, second), (second, first))
    )
    assert size == pytest.approx((plus - minus) / (plus + minus))
    assert -1 <= size <= 1


def test_rank_biserial_of_a_worked_example():
    # Differences 1, -2, 3, 4: ranks 1 + 3 + 4 for, 2 against
    assert matched_rank_biserial([1, 0, 3, 4], [0, 2, 0, 0]) == pytest.approx(0.6)
    assert matched_rank_biserial([2, 3], [1, 1]) == 1


def answered(only_first, only_second):
    first = [True] * only_first + [False] * only_second + [True, False]
    second = [False] * only_first + [True] * only_second + [True, False]
    return first, second


def test_the_odds_ratio_is_that_of_conditional_logistic_regression():
    first, second = answered(9, 4)
    right = np.array(first + second, dtype=float)
    is_first = np.repeat([1.0, 0.0], len(first))
    pair = np.tile(np.arange(len(first)), 2)
    with pytest.warns(UserWarning, match="Dropped 2 groups"):  # pairs in which both answered alike
        fitted = ConditionalLogit(right, is_first[:, None], groups=pair).fit()
    assert odds_ratio(first, second) == 9 / 4
    assert np.exp(fitted.params[0]) == pytest.approx(9 / 4, rel=1e-4)


@pytest.mark.parametrize(("b", "c", "expected"), [(6, 3, 2), (3, 0, 7), (0, 3, 1 / 7), (0, 0, 1)])
def test_an_empty_side_gets_one_half(b, c, expected):
    assert odds_ratio(*answered(b, c)) == pytest.approx(expected)


@pytest.mark.parametrize("effect", [cohen_dz, matched_rank_biserial, odds_ratio])
def test_columns_that_do_not_pair_are_refused(effect):
    with pytest.raises(ShapeError):
        effect([1, 0], [1])
    with pytest.raises(StatisticsError):
        effect([1, np.nan], [1, 0])
    with pytest.raises(StatisticsError):
        effect([], [])
