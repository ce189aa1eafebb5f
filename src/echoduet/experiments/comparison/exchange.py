"""A figure's difference as a function of whose answers are exchanged, for the permutation test.

If two systems answer equally well, each could as well have given the other's answers to a group of copies. So the
answers to whole groups are exchanged, those of all seeds together, and the difference is taken again: of the very
figure that is reported, be it a mean over cases, an F1 or an area under a curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.classification import defined_mean
from echoduet.evaluation.totals import Total, all_totals, average
from echoduet.experiments.comparison.arms import Arm
from echoduet.statistics.paired import SwapStatistic

FloatArray = NDArray[np.float64]
Part = NDArray[np.int64]
"""Positions of the cases whose figure is taken as one, as those of one fold."""


def exchangeable(one: Arm, other: Arm, keys: Sequence[str], parts: Sequence[Part]) -> dict[str, SwapStatistic]:
    """Return, per figure, `one` minus `other` as a function of the cases whose answers are exchanged.

    Args:
        one: a system.
        other: the one compared with; both hold the same cases in the same order, for the same seeds.
        keys: the figures, which both systems have.
        parts: the figure is taken within each part and averaged over the parts: the folds, or all cases in one.
    """
    per_part = [(part, _joint_totals(one, other, part)) for part in parts]
    return {key: _difference([(part, totals[key]) for part, totals in per_part if key in totals]) for key in keys}


def _joint_totals(one: Arm, other: Arm, part: Part) -> dict[str, Total]:
    """Return the totals over the rows of both systems, one's first: their weights say whose answer counts."""
    per_seed = [
        all_totals([rows[i] for rows in (one.rows[seed], other.rows[seed]) for i in part.tolist()]) for seed in one.rows
    ]
    return {key: average([totals[key] for totals in per_seed]) for key in per_seed[0]}


def _difference(parts: Sequence[tuple[Part, Total]]) -> SwapStatistic:
    def statistic(swapped: NDArray[np.bool_]) -> FloatArray:
        return defined_mean(np.stack([_exchanged(total, swapped[:, part]) for part, total in parts], axis=-1))

    return statistic


def _exchanged(total: Total, swapped: NDArray[np.bool_]) -> FloatArray:
    theirs = swapped.astype(np.float64)
    ours = 1 - theirs
    return total.value(np.concatenate([ours, theirs], axis=1)) - total.value(np.concatenate([theirs, ours], axis=1))
