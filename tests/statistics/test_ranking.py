from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import scikit_posthocs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import friedmanchisquare

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.ranking import average_ranks, cliques, critical_difference, friedman, nemenyi

# Few distinct scores, so that ties are common.
SHAPES = st.tuples(st.integers(1, 15), st.integers(2, 5))
TABLES = SHAPES.flatmap(lambda shape: arrays(int, shape, elements=st.integers(0, 4)))
RANKS = st.lists(st.floats(1, 9), min_size=1, max_size=9)


def test_the_best_ranks_first_and_ties_share():
    np.testing.assert_allclose(average_ranks([[0.9, 0.5, 0.5], [0.9, 0.8, 0.1]]), [1, 2.25, 2.75])


@given(TABLES)
def test_ranks_add_up(table):
    k = table.shape[1]
    assert average_ranks(table).sum() == pytest.approx(k * (k + 1) / 2)


@given(TABLES)
def test_friedman_is_that_of_scipy(table):
    ours = friedman(table)
    assert ours.n == len(table)
    assert 0 <= ours.p <= 1
    if (table == table[:, :1]).all():
        assert (ours.statistic, ours.p) == (0, 1)
    elif table.shape[1] > 2:
        theirs = friedmanchisquare(*table.T)
        assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_friedman_of_two_systems_is_the_sign_test_in_large_samples():
    # 14 wins of 20: chi² = (14 - 6)² / 20
    table = np.column_stack([np.r_[np.ones(14), np.zeros(6)], np.full(20, 0.5)])
    assert friedman(table).statistic == pytest.approx(64 / 20)


def test_nemenyi_is_that_of_scikit_posthocs(rng):
    for n, k, decimals in ((12, 3, 8), (40, 6, 8), (25, 4, 1)):
        table = rng.normal(np.arange(k) * 0.3, 1, (n, k)).round(decimals)
        theirs = scikit_posthocs.posthoc_nemenyi_friedman(table).to_numpy()
        np.testing.assert_allclose(nemenyi(table), theirs, atol=1e-8)


@given(TABLES)
def test_nemenyi_is_symmetric_and_defined(table):
    p = nemenyi(table)
    np.testing.assert_array_equal(p, p.T)
    np.testing.assert_array_equal(np.diag(p), 1)
    assert ((p >= 0) & (p <= 1)).all()


# Table 5(a) of Demšar (2006): quantiles at .05, divided by the square root of two
@pytest.mark.parametrize(
    ("k", "alpha", "q"),
    [(2, 0.05, 1.960), (3, 0.05, 2.343), (4, 0.05, 2.569), (5, 0.05, 2.728), (10, 0.05, 3.164), (5, 0.1, 2.459)],
)
def test_the_critical_difference_is_demsars(k, alpha, q):
    n = 17
    assert critical_difference(k, n, alpha) == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * n)), rel=5e-4)


def test_demsars_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.1) == pytest.approx(1.12, abs=0.005)


def test_pairs_further_apart_than_the_critical_difference_are_those_with_p_below_alpha(rng):
    table = rng.normal(np.arange(6) * 0.25, 1, (60, 6))
    ranks, cd = average_ranks(table), critical_difference(6, 60)
    np.testing.assert_array_equal(nemenyi(table) < 0.05, np.abs(ranks[:, None] - ranks) > cd)
    assert 0 < np.mean(nemenyi(table) < 0.05) < 1


def test_cliques_of_an_example():
    assert cliques([1.0, 3.5, 2.0, 2.9], 1.6) == [(0, 2), (2, 3, 1)]
    assert cliques([1.0, 5.0, 9.0], 1.0) == []
    assert cliques([2.0, 2.0], 1.0) == [(0, 1)]
    assert cliques([2.0], 1.0) == []


@given(RANKS, st.floats(0.1, 5))
def test_a_bar_covers_exactly_the_pairs_not_told_apart(ranks, cd):
    found = cliques(ranks, cd)
    covered = {frozenset(pair) for group in found for pair in combinations(group, 2)}
    near = {frozenset((i, j)) for i in range(len(ranks)) for j in range(i) if abs(ranks[i] - ranks[j]) < cd}
    assert covered == near
    assert not any(set(a) < set(b) for a in found for b in found)
    assert all(list(group) == sorted(group, key=lambda i: ranks[i]) for group in found)


@pytest.mark.parametrize("rank", [average_ranks, friedman, nemenyi])
def test_tables_that_cannot_be_ranked_are_refused(rank):
    with pytest.raises(ShapeError, match="at least two systems; there is 1"):
        rank([[0.1], [0.2]])
    with pytest.raises(ShapeError, match="axes"):
        rank([0.1, 0.2])
    with pytest.raises(StatisticsError, match="undefined"):
        rank([[0.1, np.nan]])
    with pytest.raises(StatisticsError, match="no scores"):
        rank(np.empty((0, 3)))


@pytest.mark.parametrize("wrong", [(1, 10, 0.05), (3, 0, 0.05), (3, 10, 0), (3, 10, 1)])
def test_there_is_no_such_critical_difference(wrong):
    with pytest.raises(StatisticsError, match="No critical difference"):
        critical_difference(*wrong)
