"""Confidence intervals by resampling whole groups.

Copies of one scan, or images of one patient, are not independent: a bootstrap that drew single images would make the
interval too narrow. Here groups are drawn with replacement, and a case counts as often as its group was drawn. A
resample is therefore a vector of case weights, and a statistic is a function of such weights: thousands of resamples
are then one matrix, not a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]
"""Maps case weights `(B, N)` to values `(B,)`; NaN where the weights leave the statistic undefined."""

Interval = tuple[float, float]


def group_numbers(groups: Sequence[Hashable | None]) -> NDArray[np.int64]:
    """Number the groups in order of appearance, `(N,)`; a case whose group is None is a group of its own."""
    numbers: dict[Hashable, int] = {}
    keys = (("alone", i) if group is None else ("group", group) for i, group in enumerate(groups))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def group_weights(groups: Sequence[Hashable | None], n_boot: int = 1000, seed: int = 1993) -> FloatArray:
    """Draw the resamples: how often each case occurs in each of them, `(n_boot, N)`.

    The same groups and seed give the same resamples, so that differences between two systems pair.
    """
    numbers = group_numbers(groups)
    if not numbers.size:
        return np.empty((n_boot, 0))
    n_groups = int(numbers.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_boot)
    weights: FloatArray = drawn[:, numbers].astype(np.float64)
    return weights


def percentile_interval(replicates: FloatArray, level: float = 0.95) -> Interval | None:
    """Return the central `level` share of the replicates; undefined ones (NaN) are left out, None if none remains."""
    defined = replicates[~np.isnan(replicates)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def weighted_mean(values: ArrayLike) -> Statistic:
    """Return the statistic "mean of these values", `(N,)`."""
    column = np.asarray(values, dtype=np.float64)

    def mean(weights: FloatArray) -> FloatArray:
        total = weights.sum(axis=-1)
        quotient: FloatArray = np.full_like(total, np.nan)
        np.divide(weights @ column, total, out=quotient, where=total > 0)
        return quotient

    return mean


def group_bootstrap(
    statistic: Statistic | ArrayLike,
    groups: Sequence[Hashable | None],
    n_boot: int = 1000,
    seed: int = 1993,
    level: float = 0.95,
) -> Interval | None:
    """Return the percentile interval of a statistic under resampling of whole groups.

    Args:
        statistic: a function of case weights, or values `(N,)` whose mean is meant.
        groups: the group of each case, `(N,)`; None for a case on its own.
        n_boot: number of resamples.
        seed: of the resampling.
        level: coverage asked for.

    Returns:
        (low, high), or None where fewer than two groups leave nothing to resample.
    """
    if np.unique(group_numbers(groups)).size < 2 or n_boot < 1:
        return None
    function = statistic if callable(statistic) else weighted_mean(statistic)
    return percentile_interval(function(group_weights(groups, n_boot, seed)), level)
