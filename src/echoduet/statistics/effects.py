"""How large a difference is, on scales that do not grow with the number of cases."""

from __future__ import annotations

from numpy.typing import ArrayLike

from echoduet.statistics.answers import discordant
from echoduet.statistics.paired import signed_ranks
from echoduet.statistics.samples import ROUNDING, paired_scores, without_spread


def cohen_dz(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return the mean paired difference over its standard deviation (n - 1), mean(d) / sd(d).

    d_z of Cohen (1988) as named by Lakens (Frontiers in Psychology 2013, 4:863).

    Args:
        first: scores of the cases, `(N,)`.
        second: the same of the other arm.

    Returns:
        dz, positive where the first scores higher; 0 where nothing differs; None with a single case, or where all
        differences are the same but not zero.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: a value is NaN or infinite, or there is none.
    """
    one, other = paired_scores(first, second)
    differences = one - other
    mean = float(differences.mean())
    if without_spread(differences):
        return 0.0 if len(differences) > 1 and abs(mean) <= ROUNDING else None
    return mean / float(differences.std(ddof=1))


def matched_rank_biserial(first: ArrayLike, second: ArrayLike) -> float:
    """Return the matched-pairs rank-biserial correlation, (W+ - W-) / (W+ + W-) (Kerby, 2014).

    The ranks are those of `wilcoxon_signed_rank`, zeros after Pratt. 1: every difference favours the first; -1: the
    second; 0 also where nothing differs.

    Args:
        first: scores of the cases, `(N,)`.
        second: the same of the other arm.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: a value is NaN or infinite, or there is none.
    """
    ranks = signed_ranks(first, second)
    total = float(abs(ranks).sum())
    return float(ranks.sum()) / total if total else 0.0


def odds_ratio(first_right: ArrayLike, second_right: ArrayLike) -> float:
    """Return the odds ratio of matched pairs, b / c: cases only the first got right over cases only the second did.

    The conditional maximum-likelihood estimate (Breslow and Day, 1980, chapter 5). Where b or c is 0, one half is added
    to both (Haldane, 1956; Anscombe, 1956), so that it is always finite; 1 where the two never disagree.

    Args:
        first_right: whether the first answered each case rightly, `(N,)`.
        second_right: the same of the second.

    Raises:
        ShapeError: the arms differ in length.
        StatisticsError: an answer is neither right (1) nor wrong (0), or there is none.
    """
    only_first, only_second = discordant(first_right, second_right)
    extra = 0.0 if only_first and only_second else 0.5
    return (only_first + extra) / (only_second + extra)
