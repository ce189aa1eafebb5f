"""More than two systems: average ranks, Friedman's test, and Nemenyi's pairs, for a critical-difference diagram.

Exploratory (Demšar, JMLR 2006, 7:1). Every row is taken for independent: give `group_means` where cases have copies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, rankdata, studentized_range

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.intervals import FloatArray
from echoduet.statistics.paired import Significance
from echoduet.statistics.samples import scores


def _ranks(table: ArrayLike) -> FloatArray:
    values = scores(table, dimensions=2)
    if values.shape[1] < 2:
        raise ShapeError(f"A ranking needs at least two systems; there is {values.shape[1]}.")
    ranks: FloatArray = rankdata(-values, axis=1)
    return ranks


def average_ranks(table: ArrayLike) -> FloatArray:
    """Return the mean rank of each system, `(K,)`; 1 is best, ties share their mean rank.

    Args:
        table: scores, cases x systems `(N, K)`, higher is better.

    Raises:
        ShapeError: not two axes, or fewer than two systems.
        StatisticsError: a score is NaN or infinite, or there is none.
    """
    means: FloatArray = _ranks(table).mean(axis=0)
    return means


def friedman(table: ArrayLike) -> Significance:
    """Test whether any of the systems ranks differently (Friedman, 1937), corrected for ties (Conover, 1999).

    chi² = (K - 1) N² Σ (R̄ - (K + 1) / 2)² / Σ (r - (K + 1) / 2)², with K - 1 degrees of freedom; r is the rank of one
    system on one case, R̄ a system's mean rank.

    Args:
        table: scores, cases x systems `(N, K)`, higher is better.

    Returns:
        chi², p, and the number of rows. Where all systems tie everywhere: 0, 1.

    Raises:
        ShapeError: not two axes, or fewer than two systems.
        StatisticsError: a score is NaN or infinite, or there is none.
    """
    centred = _ranks(table) - (np.shape(table)[1] + 1) / 2
    n, k = centred.shape
    spread = float(np.square(centred).sum())
    statistic = (k - 1) * n**2 * float(np.square(centred.mean(axis=0)).sum()) / spread if spread else 0.0
    return Significance(statistic, float(chi2.sf(statistic, k - 1)), n)


def nemenyi(table: ArrayLike) -> FloatArray:
    """Return the p value of every pair of systems, `(K, K)`, the diagonal 1 (Nemenyi, 1963).

    p is that of q = |R̄_i - R̄_j| / sqrt(K (K + 1) / 12 N) in the studentised range of K and infinitely many degrees of
    freedom; the family of all pairs is thereby taken into account.

    Args:
        table: scores, cases x systems `(N, K)`, higher is better.

    Raises:
        ShapeError: not two axes, or fewer than two systems.
        StatisticsError: a score is NaN or infinite, or there is none.
    """
    ranks = average_ranks(table)
    n, k = np.shape(table)
    apart = np.abs(ranks[:, None] - ranks) / np.sqrt(k * (k + 1) / (12 * n))
    p: FloatArray = np.clip(studentized_range.sf(apart, k, np.inf), 0, 1)
    np.fill_diagonal(p, 1.0)
    return p


def critical_difference(k: int, n: int, alpha: float = 0.05) -> float:
    """Return how far two mean ranks must lie apart to be told apart, q_α(K) sqrt(K (K + 1) / 12 N) (Demšar, 2006).

    q_α is the quantile of the studentised range; Demšar's table gives it divided by sqrt(2).

    Args:
        k: number of systems.
        n: number of rows.
        alpha: level of the whole family of pairs.

    Raises:
        StatisticsError: fewer than two systems, no rows, or a level not between 0 and 1.
    """
    if k < 2 or n < 1 or not 0 < alpha < 1:
        raise StatisticsError(f"No critical difference for {k} systems, {n} rows and level {alpha:g}.")
    return float(studentized_range.ppf(1 - alpha, k, np.inf) * np.sqrt(k * (k + 1) / (12 * n)))


def cliques(ranks: ArrayLike, cd: float) -> list[tuple[int, ...]]:
    """Return the largest groups of systems of which no two are told apart: the bars of a critical-difference diagram.

    Args:
        ranks: mean rank of each system, `(K,)`.
        cd: the critical difference.

    Returns:
        Groups of two or more, as positions in `ranks`, the best system first; none lies within another.

    Raises:
        ShapeError: not one axis.
        StatisticsError: a rank is NaN or infinite, or there is none.
    """
    values = scores(ranks)
    order = np.argsort(values, kind="stable")
    found: list[tuple[int, ...]] = []
    end = 0
    for start, best in enumerate(order):
        stop = int(np.count_nonzero(values - values[best] < cd))
        if stop > max(end, start + 1):
            found.append(tuple(int(i) for i in order[start:stop]))
        end = max(end, stop)
    return found
