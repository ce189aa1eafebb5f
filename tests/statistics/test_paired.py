from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.intervals import group_bootstrap, weighted_mean
from echoduet.statistics.paired import (
    bootstrap_difference,
    corrected_t,
    permutation_test,
    signed_ranks,
    swap_test,
    wilcoxon_signed_rank,
)

# Few distinct scores, so that ties and zero differences are common, as they are among Dice coefficients of misses.
COARSE = st.lists(st.tuples(*[st.integers(0, 4)] * 2), min_size=1, max_size=12)


def alone(n):
    return [None] * n


def arms(pairs):
    first, second = np.array(pairs, dtype=float).T
    return first, second


def grouped_arms(rng, effect=0.0, n_groups=25, copies=4):
    """Scores of two arms on copies of a scan that share their difference."""
    shared = np.repeat(rng.normal(effect, 0.1, n_groups), copies)
    second = rng.random(n_groups * copies)
    first = second + shared + rng.normal(0, 0.01, len(second))
    return first, second, np.repeat(np.arange(n_groups), copies).tolist()


# --- bootstrap


def test_the_difference_of_means_is_resampled_in_pairs(rng):
    first = rng.random(80)
    second = first - rng.normal(0.05, 0.02, 80)
    paired = bootstrap_difference(first, second, alone(80))
    assert paired == pytest.approx(group_bootstrap(first - second, alone(80), n_boot=2000))
    assert paired[0] > 0.04
    assert paired[1] < 0.06


def test_arms_may_be_functions_of_weights(rng):
    first, second = rng.random(30), rng.random(30)
    expected = bootstrap_difference(first, second, alone(30))
    assert bootstrap_difference(weighted_mean(first), second, alone(30)) == expected
    assert bootstrap_difference(weighted_mean(first), weighted_mean(second), alone(30)) == expected


def test_swapped_arms_mirror_the_interval(rng):
    first, second, groups = grouped_arms(rng)
    low, high = bootstrap_difference(first, second, groups)
    assert bootstrap_difference(second, first, groups) == pytest.approx((-high, -low))


def test_copies_taken_for_independent_narrow_the_interval(rng):
    first, second, groups = grouped_arms(rng)
    low, high = bootstrap_difference(first, second, groups)
    mistaken = bootstrap_difference(first, second, alone(len(groups)))
    assert mistaken[1] - mistaken[0] < 0.65 * (high - low)


def test_one_group_has_no_interval():
    assert bootstrap_difference([0.1, 0.4], [0.2, 0.2], ["a", "a"]) is None


def test_equal_arms_differ_by_nothing():
    assert bootstrap_difference([0.1, 0.4], [0.1, 0.4], alone(2)) == (0, 0)


def test_arms_and_groups_must_fit():
    with pytest.raises(ShapeError, match="3 scores for 2 cases"):
        bootstrap_difference([0.1, 0.2], [0.1, 0.2, 0.3], alone(2))
    with pytest.raises(StatisticsError, match="undefined"):
        bootstrap_difference([0.1, 0.2], [0.1, np.nan], alone(2))


# --- permutation


@given(COARSE)
def test_every_swap_is_counted_as_scipy_counts_them(pairs):
    first, second = arms(pairs)
    ours = permutation_test(first, second, alone(len(first)))
    if len(first) > 1:  # scipy refuses a single pair
        theirs = stats.permutation_test(
            (first, second),
            lambda a, b, axis: np.mean(a - b, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
        )
        assert ours.statistic == pytest.approx(theirs.statistic)
        assert ours.p == pytest.approx(min(1, theirs.pvalue))
    assert ours.n == len(first)


def test_drawn_swaps_come_close_to_all_of_them(rng):
    first, second = rng.normal(0.25, 0.5, 14), np.zeros(14)
    exact = permutation_test(first, second, alone(14), n_perm=2**14)
    drawn = permutation_test(first, second, alone(14), n_perm=2**14 - 1)
    assert drawn != exact
    assert drawn.p == pytest.approx(exact.p, abs=4 * np.sqrt(exact.p / 2**14))


def test_a_clear_difference_has_the_smallest_p_there_is():
    first, second = np.full(40, 0.9), np.full(40, 0.1)
    assert permutation_test(first, second, alone(40), n_perm=999).p == 1 / 1000
    assert permutation_test(first[:5], second[:5], alone(5)).p == 2 / 2**5


def test_copies_bring_no_evidence(rng):
    first, second = rng.normal(0.05, 0.1, 10), np.zeros(10)
    once = permutation_test(first, second, alone(10))
    copied = permutation_test(np.repeat(first, 3), np.repeat(second, 3), np.repeat(np.arange(10), 3).tolist())
    assert copied.p == once.p
    assert copied.n == once.n == 10
    assert copied.statistic == pytest.approx(once.statistic)


def test_p_of_equal_arms_is_spread_evenly_when_groups_are_kept_and_not_otherwise():
    rng = np.random.default_rng(0)
    kept, mistaken = [], []
    for _ in range(200):
        first, second, groups = grouped_arms(rng)
        kept.append(permutation_test(first, second, groups, n_perm=199).p)
        mistaken.append(permutation_test(first, second, alone(len(groups)), n_perm=199).p)
    assert np.mean(np.array(kept) <= 0.05) <= 0.09
    assert stats.kstest(kept, "uniform").pvalue > 0.01
    assert np.mean(np.array(mistaken) <= 0.05) > 0.2


@given(st.integers(1, 30), st.integers(0, 5))
def test_arms_that_agree_have_p_one(n, seed):
    same = np.linspace(0, 1, n)
    result = permutation_test(same, same, alone(n), n_perm=50, seed=seed)
    assert (result.statistic, result.p, result.n) == (0, 1, n)


@given(COARSE, st.integers(1, 40))
def test_swapped_arms_change_the_sign_only(pairs, n_perm):
    first, second = arms(pairs)
    one = permutation_test(first, second, alone(len(first)), n_perm)
    other = permutation_test(second, first, alone(len(first)), n_perm)
    assert one.statistic == pytest.approx(-other.statistic)
    assert one.p == other.p
    assert 0 < one.p <= 1


def test_the_same_seed_gives_the_same_p_and_another_does_not(rng):
    first, second = rng.normal(0.02, 0.1, 30), np.zeros(30)
    p = [permutation_test(first, second, alone(30), 500, seed).p for seed in (1, 1, 2)]
    assert p[0] == p[1] != p[2]


def test_one_group_alone_tells_nothing():
    result = permutation_test([0.9, 0.8], [0.1, 0.1], ["a", "a"])
    assert (result.p, result.n) == (1, 1)
    assert result.statistic == pytest.approx(0.75)


def test_large_scores_lose_no_tie_to_rounding():
    first = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) * 1e7
    ours = permutation_test(first, np.zeros(6), alone(6))
    assert ours.p == 2 / 2**6


def test_any_statistic_can_be_tested_by_swapping(rng):
    first, second, groups = grouped_arms(rng, effect=0.03, n_groups=30)

    def medians(swapped):
        ours, theirs = np.where(swapped, second, first), np.where(swapped, first, second)
        return np.median(ours, axis=1) - np.median(theirs, axis=1)

    def means(swapped):
        return np.where(swapped, second - first, first - second).mean(axis=1)

    assert swap_test(medians, groups, 400).statistic == np.median(first) - np.median(second)
    assert swap_test(means, groups, 400).p == permutation_test(first, second, groups, 400).p


def test_a_swap_that_is_undefined_counts_against_a_difference():
    def only_unswapped(swapped):
        return np.where(swapped.any(axis=1), np.nan, 1.0)

    assert swap_test(only_unswapped, alone(8)).p == 1


def test_a_difference_that_is_undefined_is_refused():
    with pytest.raises(StatisticsError, match="undefined"):
        swap_test(lambda swapped: np.full(len(swapped), np.nan), alone(3))


@pytest.mark.parametrize(("groups", "n_perm"), [([], 10), ([None], 0)])
def test_nothing_to_permute_is_refused(groups, n_perm):
    with pytest.raises(StatisticsError, match="at least one case and one permutation"):
        swap_test(lambda swapped: swapped.sum(axis=1), groups, n_perm)


@pytest.mark.parametrize("test", [permutation_test, lambda a, b, _: wilcoxon_signed_rank(a, b)])
def test_columns_that_do_not_pair_are_refused(test):
    with pytest.raises(ShapeError, match="for 2 cases"):
        test([0.1, 0.2], [0.1, 0.2, 0.3], alone(2))
    with pytest.raises(StatisticsError, match="1 of 2 scores"):
        test([0.1, np.nan], [0.1, 0.2], alone(2))


def test_a_group_for_every_case():
    with pytest.raises(ShapeError, match="3 groups for 2 cases"):
        permutation_test([0.1, 0.2], [0.1, 0.2], alone(3))


# --- Wilcoxon


def scipys(first, second, **how):
    return stats.wilcoxon(first, second, zero_method="pratt", correction=False, **how)


def test_wilcoxon_is_exact_as_scipys_without_ties(rng):
    for n in (1, 2, 5, 20, 50):
        first, second = rng.normal(0.2, 1, n), rng.normal(0, 1, n)
        ours, theirs = wilcoxon_signed_rank(first, second), scipys(first, second, method="exact")
        assert ours.p == pytest.approx(theirs.pvalue)
        assert ours.statistic == theirs.statistic


@pytest.mark.parametrize("decimals", [1, 8])
def test_wilcoxon_of_many_is_scipys_approximation(rng, decimals):
    first, second = rng.normal(0.7, 0.2, 150).round(decimals), rng.normal(0.66, 0.2, 150).round(decimals)
    ours, theirs = wilcoxon_signed_rank(first, second), scipys(first, second, method="approx")
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.statistic == theirs.statistic
    assert ours.n == 150


@given(COARSE)
def test_wilcoxon_with_ties_and_zeros_counts_every_sign(pairs):
    first, second = arms(pairs)
    ranks = signed_ranks(first, second)
    told = np.abs(ranks[ranks != 0])
    sums = [abs(np.dot(signs, told)) for signs in product((-1, 1), repeat=len(told))]
    ours = wilcoxon_signed_rank(first, second)
    assert ours.p == pytest.approx(np.mean(np.array(sums) >= abs(ranks.sum())))
    assert ours.statistic == min(ranks[ranks > 0].sum(), -ranks[ranks < 0].sum())


def test_exact_and_approximate_meet_at_fifty(rng):
    first = rng.normal(0.1, 0.3, 51)
    exact, near = (wilcoxon_signed_rank(first[:n], np.zeros(n)).p for n in (50, 51))
    assert near == pytest.approx(scipys(first, np.zeros(51), method="approx").pvalue)
    assert exact == pytest.approx(scipys(first[:50], np.zeros(50), method="approx").pvalue, abs=0.01)


def test_zeros_are_ranked_and_then_count_for_neither_side():
    np.testing.assert_array_equal(signed_ranks([0, 0, 3, 1], [0, 0, 1, 2]), [0, 0, 4, -3])


def test_four_folds_cannot_be_significant():
    assert wilcoxon_signed_rank([0.9] * 4, [0.1] * 4).p == 0.125


def test_wilcoxon_of_nothing_but_zeros():
    result = wilcoxon_signed_rank([0.4, 0.5], [0.4, 0.5])
    assert (result.statistic, result.p, result.n) == (0, 1, 2)


# --- Nadeau and Bengio


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.floats(0.05, 0.5))
def test_the_correction_widens_an_ordinary_t(differences, share):
    result = corrected_t(differences, share)
    if np.ptp(differences) <= 1e-12:
        return
    ordinary = stats.ttest_1samp(differences, 0)
    k = len(differences)
    wider = np.sqrt((1 / k + share / (1 - share)) * k)
    assert result.value == pytest.approx(np.mean(differences))
    assert result.test.statistic == pytest.approx(ordinary.statistic / wider)
    assert result.test.p == pytest.approx(2 * stats.t.sf(abs(ordinary.statistic) / wider, k - 1))
    half = np.subtract(*reversed(ordinary.confidence_interval())) / 2 * wider
    assert result.interval == pytest.approx((result.value - half, result.value + half))
    assert result.test.n == k


def test_the_corrected_t_of_a_worked_example():
    # mean .02, s² = .0002 / 3 = 6.667e-5; (1/4 + 1/3) s² = 3.889e-5; t = .02 / .0062361; three degrees of freedom
    result = corrected_t([0.01, 0.02, 0.02, 0.03], test_share=0.25)
    assert result.test.statistic == pytest.approx(3.20713, abs=1e-5)
    assert result.test.p == pytest.approx(0.04910, abs=1e-4)
    assert result.interval[0] > 0


def test_the_interval_excludes_zero_where_p_is_below_the_level(rng):
    for _ in range(50):
        result = corrected_t(rng.normal(0.1, 0.1, 8), 0.25, level=0.9)
        assert (result.interval[0] > 0 or result.interval[1] < 0) == (result.test.p < 0.1)


def test_differences_without_spread():
    nothing = corrected_t([0.0] * 4, 0.25)
    assert (nothing.value, nothing.interval, nothing.test.p) == (0, (0, 0), 1)
    assert corrected_t([0.1, 0.1, 0.3 - 0.2], 0.25) is None
    assert corrected_t([0.1], 0.25) is None
    assert corrected_t([0.0], 0.25) is None


@pytest.mark.parametrize("share", [0, 1, 25, np.nan])
def test_a_share_is_a_share(share):
    with pytest.raises(StatisticsError, match="test_share"):
        corrected_t([0.1, 0.2], share)
