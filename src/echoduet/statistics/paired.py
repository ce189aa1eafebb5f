"""Two systems on the same cases: how sure is it that they differ?

`bootstrap_difference` and `permutation_test` treat copies of a scan, or images of a patient, as one observation;
reports lead with them. The others take every value for independent and are there for comparison with other work.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from echoduet.errors import StatisticsError
from echoduet.statistics.intervals import (
    FloatArray,
    Interval,
    Statistic,
    group_bootstrap,
    group_numbers,
    weighted_mean,
)
from echoduet.statistics.samples import (
    ROUNDING,
    paired_scores,
    require_same_length,
    scores,
    without_spread,
)

SwapStatistic = Callable[[NDArray[np.bool_]], FloatArray]
"""Maps which cases have their two arms swapped, `(B, N)`, to the difference between the arms, `(B,)`."""

BLOCK = 512
"""Swaps looked at together; memory stays at some megabytes however many are asked for."""

EXACT_RANKS = 50
"""Up to so many differences that are not zero, Wilcoxon's p is exact."""


@dataclass(frozen=True, slots=True)
class Significance:
    """The answer of a test.

    Attributes:
        statistic: what was tested; each function says which.
        p: two-sided.
        n: how many observations the test takes for independent: groups, pairs, folds x seeds, or blocks.
    """

    statistic: float
    p: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference, first minus second, with its interval and its test."""

    value: float
    interval: Interval
    test: Significance


def bootstrap_difference(
    first: Statistic | ArrayLike,
    second: Statistic | ArrayLike,
    groups: Sequence[Hashable | None],
    n_boot: int = 2000,
    seed: int = 1993,
    level: float = 0.95,
) -> Interval | None:
    """Return the percentile interval of first minus second, both from the same resamples of whole groups.

    Args:
        first: values of the cases, `(N,)`, whose mean is meant, or a function of case weights.
        second: the same of the other arm.
        groups: the group of each case, `(N,)`; None for a case on its own.
        n_boot: number of resamples.
        seed: of the resampling.
        level: coverage asked for.

    Returns:
        (low, high), or None where fewer than two groups leave nothing to resample, or no resample defines both.

    Raises:
        ShapeError: the arms and the groups differ in length.
        StatisticsError: a value is NaN or infinite, or there is none.
    """
    minuend, subtrahend = (_statistic(arm, len(groups)) for arm in (first, second))
    return group_bootstrap(lambda weights: minuend(weights) - subtrahend(weights), groups, n_boot, seed, level)


def _statistic(arm: Statistic | ArrayLike, n: int) -> Statistic:
    if callable(arm):
        return arm
    values = scores(arm)
    require_same_length(n, len(values), "scores")
    return weighted_mean(values)


def permutation_test(
    first: ArrayLike,
    second: ArrayLike,
    groups: Sequence[Hashable | None],
    n_perm: int = 10_000,
    seed: int = 1993,
) -> Significance:
    """Test the mean paired difference by swapping the two arms of whole groups.

    Args:
        first: scores of the cases, `(N,)`.
        second: the same of the other arm.
        groups: the group of each case, `(N,)`; None for a case on its own.
        n_perm: swaps drawn; all of them are gone through where there are no more.
        seed: of the drawing.

    Returns:
        The mean of first minus second, its p as in `swap_test`, and the number of groups. p is 1 where nothing differs.

    Raises:
        ShapeError: the arms and the groups differ in length.
        StatisticsError: a value is NaN or infinite, there is none, or `n_perm` is below 1.
    """
    one, other = paired_scores(first, second)
    require_same_length(len(one), len(groups), "groups")
    differences = one - other
    # Swapping a case turns its difference d into -d, and so takes 2d from the sum.
    return swap_test(lambda swapped: (differences.sum() - 2 * (swapped @ differences)) / len(one), groups, n_perm, seed)


def swap_test(
    statistic: SwapStatistic, groups: Sequence[Hashable | None], n_perm: int = 10_000, seed: int = 1993
) -> Significance:
    """Test any difference between two arms: were the arms alike, it would not matter which of the two a group had.

    p is the share of swaps with a difference at least as large, of either sign: all 2**groups of them where they are no
    more than `n_perm`, else `(1 + extreme) / (1 + n_perm)` of those drawn (Phipson and Smyth, 2010). A swap that leaves
    the statistic undefined (NaN) counts as extreme, which can only make p larger.

    Args:
        statistic: maps which cases are swapped, `(B, N)` booleans, to the difference between the arms, `(B,)`.
        groups: the group of each case, `(N,)`; None for a case on its own.
        n_perm: swaps drawn.
        seed: of the drawing.

    Returns:
        The difference without swaps, its p, and the number of groups. One group alone cannot tell anything: p is 1.

    Raises:
        StatisticsError: there are no cases, the difference without swaps is undefined, or `n_perm` is below 1.
    """
    if not groups or n_perm < 1:
        raise StatisticsError("A permutation test needs at least one case and one permutation.")
    numbers = group_numbers(groups)
    n_groups = int(numbers.max()) + 1
    observed = float(statistic(np.zeros((1, len(groups)), dtype=np.bool_))[0])
    if not np.isfinite(observed):
        raise StatisticsError(
            "The difference to be tested is undefined on these cases. Choose another measure or cases."
        )
    exact = 2**n_groups <= n_perm
    swaps = _every_swap(n_groups) if exact else _drawn_swaps(n_groups, n_perm, seed)
    extreme = sum(_count_extreme(statistic(block[:, numbers]), observed) for block in swaps)
    p = extreme / 2**n_groups if exact else (1 + extreme) / (1 + n_perm)
    return Significance(observed, p, n_groups)


def _every_swap(n_groups: int) -> Iterator[NDArray[np.bool_]]:
    for start in range(0, 2**n_groups, BLOCK):
        codes = np.arange(start, min(start + BLOCK, 2**n_groups))
        yield (codes[:, None] >> np.arange(n_groups)) & 1 == 1


def _drawn_swaps(n_groups: int, n_perm: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    for start in range(0, n_perm, BLOCK):
        yield rng.random((min(BLOCK, n_perm - start), n_groups)) < 0.5


def _count_extreme(differences: FloatArray, observed: float) -> int:
    # Sums in another order differ in the last bits; without the tolerance a tie would be lost at random.
    return int(np.count_nonzero(~(np.abs(differences) < abs(observed) - ROUNDING * max(1.0, abs(observed)))))


def signed_ranks(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Return the rank of each |difference|, with the sign of the difference, `(N,)`.

    Ties share their mean rank. Zeros are ranked with the others and then count for neither side (Pratt, 1959): cases on
    which both arms score the same, as two misses, thus weaken the evidence, and do not vanish from it.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: a value is NaN or infinite, or there is none.
    """
    one, other = paired_scores(first, second)
    ranks: FloatArray = np.sign(one - other) * rankdata(np.abs(one - other))
    return ranks


def wilcoxon_signed_rank(first: ArrayLike, second: ArrayLike) -> Significance:
    """Test whether paired differences are symmetric about zero (Wilcoxon, 1945; zeros after Pratt, 1959).

    Exact given the ranks, ties included, for up to 50 differences that are not zero; above, the normal approximation
    without continuity correction. Every pair is taken for independent: give `group_means` where cases have copies.

    Args:
        first: scores, `(N,)`.
        second: the same of the other arm.

    Returns:
        The smaller of the two rank sums, p, and the number of pairs. Where nothing differs: 0, 1.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: a value is NaN or infinite, or there is none.
    """
    ranks = signed_ranks(first, second)
    plus, minus = float(ranks[ranks > 0].sum()), float(-ranks[ranks < 0].sum())
    told = np.abs(ranks[ranks != 0])
    if not told.size:
        p = 1.0
    elif told.size <= EXACT_RANKS:
        p = _exact_rank_p(told, max(plus, minus))
    else:
        p = float(2 * norm.sf(abs(plus - minus) / np.sqrt(np.square(told).sum())))
    return Significance(min(plus, minus), p, len(ranks))


def _exact_rank_p(ranks: FloatArray, larger_sum: float) -> float:
    """Return the chance that either rank sum is at least `larger_sum` when every sign is a coin's."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # shared ranks are halves
    chances: FloatArray = np.zeros(int(doubled.sum()) + 1)
    chances[0] = 1
    for rank in doubled:
        with_it: FloatArray = np.zeros_like(chances)
        with_it[rank:] = chances[:-rank]
        chances = (chances + with_it) / 2
    return min(1.0, float(2 * chances[round(2 * larger_sum) :].sum()))


def corrected_t(differences: ArrayLike, test_share: float, level: float = 0.95) -> Difference | None:
    """Test the mean of differences over folds x seeds, with the variance that overlapping training parts call for.

    t = mean / sqrt((1 / k + n_test / n_train) s²), k - 1 degrees of freedom (Nadeau and Bengio, Machine Learning 2003,
    52:239). Cases that choose the epoch count as training cases: n_test / n_train = test_share / (1 - test_share).

    Args:
        differences: first minus second, one per fold and seed, `(k,)`.
        test_share: share of the cases in one test part; .25 with four folds.
        level: coverage of the interval.

    Returns:
        The mean, its interval and test (t, p, k). Where all differences are zero: 0, (0, 0), p = 1. None with a single
        difference, or where all are the same but not zero: there is no spread to judge by.

    Raises:
        ShapeError: not one axis.
        StatisticsError: a difference is NaN or infinite, there is none, or `test_share` is not between 0 and 1.
    """
    values = scores(differences)
    if not 0 < test_share < 1:
        raise StatisticsError(
            f"test_share is {test_share:g}; it is the share of cases in a test part, between 0 and 1."
        )
    k, mean = len(values), float(values.mean())
    if without_spread(values):
        return Difference(0.0, (0.0, 0.0), Significance(0.0, 1.0, k)) if k > 1 and abs(mean) <= ROUNDING else None
    error = float(np.sqrt((1 / k + test_share / (1 - test_share)) * values.var(ddof=1)))
    reach = float(student.ppf((1 + level) / 2, k - 1)) * error
    p = float(2 * student.sf(abs(mean) / error, k - 1))
    return Difference(mean, (mean - reach, mean + reach), Significance(mean / error, p, k))
