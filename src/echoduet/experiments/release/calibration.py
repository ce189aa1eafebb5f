"""What a probability of malignant was worth out of fold: of images scored so, how many were malignant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.calibration import expected_calibration_error, reliability
from echoduet.evaluation.cases import CaseScore
from echoduet.records import Label
from echoduet.statistics.intervals import group_bootstrap

FloatArray = NDArray[np.float64]


def malignant_calibration(scores: Sequence[CaseScore]) -> dict[str, Any] | None:
    """Return the calibration error of the malignant probability over all folds' cases, and the bins behind it.

    The error is the mean gap between the probability of malignant and the share that is malignant, over ten equally
    wide bins of that probability weighted by their cases (Guo et al., 2017, for one class against the rest). All folds
    are taken together: a fold's bins would hold a handful of cases each, whose chance would count as error. The
    interval resamples groups of copies; since a resample has more chance in its bins than the cases have, it lies
    rather high.

    Returns:
        `ece`, `ci95`, `n`, and `bins` of `from`, `to`, `n`, `mean` (probability) and `malignant` (cases); None where no
        case has probabilities.
    """
    kept = [score for score in scores if score.p_malignant is not None]
    if not kept:
        return None
    probability = np.array([score.p_malignant for score in kept], dtype=np.float64)
    malignant = np.array([score.label is Label.MALIGNANT for score in kept])
    error = partial(_error, probability, malignant)
    interval = group_bootstrap(error, [score.group for score in kept])
    return {
        "ece": float(error(np.ones(len(kept)))),
        "ci95": None if interval is None else list(interval),
        "n": len(kept),
        "bins": _bins(probability, malignant),
    }


def _error(probability: FloatArray, malignant: NDArray[np.bool_], weights: FloatArray) -> FloatArray:
    return expected_calibration_error(reliability(probability, malignant, weights))


def _bins(probability: FloatArray, malignant: NDArray[np.bool_]) -> list[dict[str, Any]]:
    table = reliability(probability, malignant)
    edges = np.linspace(0, 1, len(table.count) + 1)
    return [
        {
            "from": round(float(edges[i]), 6),
            "to": round(float(edges[i + 1]), 6),
            "n": int(table.count[i]),
            "mean": round(float(table.confidence[i]), 6),
            "malignant": round(float(table.accuracy[i] * table.count[i])),
        }
        for i in np.flatnonzero(table.count)
    ]
