"""The figures of one arm: per seed, averaged over seeds, and case by case where a figure is a mean over cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.cases import CaseScore
from echoduet.evaluation.classification import defined_mean
from echoduet.evaluation.totals import Total, average, classification_totals, segmentation_totals
from echoduet.experiments.comparison.arms import Arm
from echoduet.records import Label

FloatArray = NDArray[np.float64]

BLOCKS = {"segmentation": segmentation_totals, "classification": classification_totals}


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm with its figures, each a function of case weights.

    Attributes:
        arm: the arm.
        per_seed: per seed, block and key: the figure of that seed alone.
    """

    arm: Arm
    per_seed: Mapping[int, Mapping[str, Mapping[str, Total]]]

    @classmethod
    def of(cls, arm: Arm) -> ArmFigures:
        """Return the figures of an arm."""
        totals = {seed: {block: make(rows) for block, make in BLOCKS.items()} for seed, rows in arm.rows.items()}
        return cls(arm, totals)

    def over_seeds(self) -> dict[str, dict[str, Total]]:
        """Return, per block and key, the mean of the figure over seeds; a block without answers is left out."""
        seeds = list(self.per_seed.values())
        return {
            block: {key: average([totals[block][key] for totals in seeds]) for key in held}
            for block, held in seeds[0].items()
            if held
        }

    def of_seeds(self, key: str) -> list[Total]:
        """Return one figure seed by seed; nothing where the arm does not have it."""
        return [block[key] for blocks in self.per_seed.values() for block in blocks.values() if key in block]


def case_values(arm: Arm, key: str) -> FloatArray | None:
    """Return a figure's value of each case, averaged over seeds, `(N,)`; NaN where the case has no part in it.

    None for a figure that is no mean over cases, as F1 or an area under a curve.
    """
    value = _CASE_VALUES.get(key)
    if value is None:
        return None
    columns = [[value(row) for row in rows] for rows in arm.rows.values()]
    return defined_mean(np.array(columns, dtype=np.float64).T)  # None becomes NaN


def _lesion_dice(row: CaseScore) -> float | None:
    return row.dice if row.has_lesion else None


def _left_empty(row: CaseScore) -> float | None:
    return float(row.predicted_area == 0) if row.label is Label.NORMAL and row.dice is not None else None


def _right(row: CaseScore) -> float | None:
    return None if row.predicted is None else float(row.predicted is row.label)


_CASE_VALUES: dict[str, Callable[[CaseScore], float | None]] = {
    "dsc_lesion": _lesion_dice,
    "dsc_all": lambda row: row.dice,
    "normal_empty_share": _left_empty,
    "accuracy": _right,
}


def malignant_scores(arm: Arm) -> FloatArray:
    """Return each case's probability of malignancy, averaged over seeds, `(N,)`; NaN without a class head."""
    return defined_mean(np.array([[row.p_malignant for row in rows] for rows in arm.rows.values()], dtype=np.float64).T)
