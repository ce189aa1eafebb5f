"""Two classifiers on the same cases: right or wrong answers (McNemar) and areas under the ROC curve (DeLong).

Both tests take the cases for independent. Copies of a scan make their p too small; where there are groups, reports lead
with the group bootstrap and the group permutation test of `paired`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, chi2, norm, rankdata

from echoduet.statistics.intervals import FloatArray
from echoduet.statistics.paired import Difference, Significance
from echoduet.statistics.samples import ROUNDING, answers, paired_scores, require_same_length, without_spread

McNemarMethod = Literal["exact", "mid-p", "chi2"]


def discordant(first_right: ArrayLike, second_right: ArrayLike) -> tuple[int, int]:
    """Return how many cases only the first answered rightly, and how many only the second.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: an answer is neither right (1) nor wrong (0), or there is none.
    """
    first, second = answers(first_right), answers(second_right)
    require_same_length(len(first), len(second), "answers of the second arm")
    return int((first & ~second).sum()), int((~first & second).sum())


def mcnemar(first_right: ArrayLike, second_right: ArrayLike, method: McNemarMethod = "exact") -> Significance:
    """Test whether two classifiers are right equally often, from the b and c cases that only one of them got right.

    exact: b is binomial(b + c, 1/2). mid-p: the observed b has half its weight, which is less conservative (Fagerland,
    Lydersen and Laake, 2013). chi2: (|b - c| - 1)² / (b + c), 1 degree of freedom (Edwards, 1948), 0 where b equals c.

    Args:
        first_right: whether the first answered each case rightly, `(N,)`.
        second_right: the same of the second.
        method: how p is computed.

    Returns:
        The smaller of b and c (with chi2: the chi-square), p, and the number of cases. Where b = c = 0, p is 1.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: an answer is neither right (1) nor wrong (0), or there is none.
    """
    only_first, only_second = discordant(first_right, second_right)
    fewer, both = min(only_first, only_second), only_first + only_second
    if method == "chi2":
        statistic = max(0, abs(only_first - only_second) - 1) ** 2 / max(1, both)
        return Significance(statistic, float(chi2.sf(statistic, 1)), np.size(first_right))
    below, at = float(binom.cdf(fewer - 1, both, 0.5)), float(binom.pmf(fewer, both, 0.5))
    p = 2 * below + (at if method == "mid-p" else 2 * at)
    return Significance(float(fewer), min(1.0, p), np.size(first_right))


def delong(truth: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Difference | None:
    """Test the difference between two areas under the ROC curve of the same cases.

    DeLong, DeLong and Clarke-Pearson (Biometrics 1988, 44:837), from midranks as in Sun and Xu (IEEE Signal Processing
    Letters 2014, 21:1389): time N log N in place of positives x negatives.

    Args:
        truth: whether each case is positive, `(N,)`.
        first: scores, higher for positive, `(N,)`.
        second: the same of the other arm.
        level: coverage of the interval.

    Returns:
        AUC of the first minus that of the second, its interval (not cut at -1 and 1), and z, p, N. Where the two rank
        every case alike: 0, (0, 0), p = 1. None with fewer than two cases of a class, or where the areas differ but
        every case says so to the same extent: there is no spread to judge by.

    Raises:
        ShapeError: truth and scores differ in length.
        StatisticsError: a score is NaN or infinite, truth is neither 0 nor 1, or there is none.
    """
    positive = answers(truth)
    arms = paired_scores(first, second)
    require_same_length(len(positive), len(arms[0]), "scores")
    if min(positive.sum(), (~positive).sum()) < 2:
        return None
    of_positives, of_negatives = (a - b for a, b in zip(*(_placements(positive, arm) for arm in arms), strict=True))
    value = float(of_positives.mean())
    if without_spread(of_positives) and without_spread(of_negatives):
        return Difference(0.0, (0.0, 0.0), Significance(0.0, 1.0, len(positive))) if abs(value) <= ROUNDING else None
    error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in (of_positives, of_negatives))))
    reach = float(norm.ppf((1 + level) / 2)) * error
    test = Significance(value / error, float(2 * norm.sf(abs(value) / error)), len(positive))
    return Difference(value, (value - reach, value + reach), test)


def _placements(positive: np.ndarray, arm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return for each positive the share of negatives below it, for each negative that of positives above it."""
    ranks = rankdata(arm)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    below = (ranks[positive] - rankdata(arm[positive])) / n_negative
    above = 1 - (ranks[~positive] - rankdata(arm[~positive])) / n_positive
    return below, above
