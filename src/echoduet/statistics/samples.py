"""What tests and intervals are made from: columns of scores, checked before anything is computed from them.

An undefined score (NaN) would run silently through a mean into a table. It is refused here, so that the caller decides
what becomes of the case.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.intervals import FloatArray, group_numbers

ROUNDING = 1e-12
"""Differences below this, or below this share of values above 1, are rounding."""


def scores(values: ArrayLike, dimensions: int = 1) -> FloatArray:
    """Return the values as floats, checked: so many axes, not empty, all finite.

    Raises:
        ShapeError: another number of axes.
        StatisticsError: no values, or some are NaN or infinite.
    """
    array: FloatArray = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise ShapeError(f"Scores of shape {array.shape} have {array.ndim} axes, where {dimensions} are meant.")
    if not array.size:
        raise StatisticsError("There are no scores to compare. Check which cases the comparison was narrowed to.")
    if odd := int(np.count_nonzero(~np.isfinite(array))):
        raise StatisticsError(
            f"{odd} of {array.size} scores are undefined or infinite. Score these cases or leave them out of every arm."
        )
    return array


def paired_scores(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return two checked columns, `(N,)` each, case by case.

    Raises:
        ShapeError: the columns differ in length.
        StatisticsError: no values, or some are NaN or infinite.
    """
    columns = scores(first), scores(second)
    require_same_length(len(columns[0]), len(columns[1]), "scores of the second arm")
    return columns


def answers(values: ArrayLike) -> NDArray[np.bool_]:
    """Return yes-no answers `(N,)` as booleans.

    Raises:
        ShapeError: not one axis.
        StatisticsError: no answers, or one that is neither 0 nor 1.
    """
    column = scores(values)
    if not np.isin(column, (0, 1)).all():
        raise StatisticsError(
            "Answers are right or wrong, true or false (1 or 0). Apply the threshold before comparing."
        )
    right: NDArray[np.bool_] = column == 1
    return right


def require_same_length(expected: int, found: int, of_what: str) -> None:
    """Check that there is one value per case.

    Raises:
        ShapeError: there is not.
    """
    if expected != found:
        raise ShapeError(f"{found} {of_what} for {expected} cases. Pair the cases by their id first.")


def without_spread(values: FloatArray) -> bool:
    """Tell whether all values are the same, but for rounding."""
    return float(np.ptp(values)) <= ROUNDING * max(1.0, float(np.abs(values).max()))


def group_means(values: ArrayLike, groups: Sequence[Hashable | None]) -> FloatArray:
    """Return the mean score of each group, `(G,)` or `(G, K)`, in order of appearance.

    Tests that take every row for independent (Wilcoxon, Friedman) are given groups in place of cases.

    Args:
        values: scores of N cases, `(N,)`, or of K systems, `(N, K)`.
        groups: the group of each case, `(N,)`; None for a case on its own.

    Raises:
        ShapeError: as many groups as cases are needed.
        StatisticsError: no values, or some are NaN or infinite.
    """
    array = scores(values, max(1, np.ndim(values)))
    require_same_length(len(array), len(groups), "groups")
    numbers = group_numbers(groups)
    sums: FloatArray = np.zeros((int(numbers.max()) + 1, *array.shape[1:]))
    np.add.at(sums, numbers, array)
    sizes = np.bincount(numbers).astype(np.float64)
    means: FloatArray = (sums.T / sizes).T
    return means
