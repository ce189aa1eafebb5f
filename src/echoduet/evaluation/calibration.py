"""Whether probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.classification import divide

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BINS = 10
"""Equally wide confidence bins of the calibration error and of the reliability diagram."""


def brier_per_case(truth: IntArray, probabilities: FloatArray) -> FloatArray:
    """Return each case's squared error summed over the classes, `(N,)`, from 0 (sure and right) to 2 (sure and wrong).

    The multi-class score of Brier (1950); its mean over cases is the Brier score.

    Args:
        truth: class indices, `(N,)`.
        probabilities: one column a class, `(N, K)`.
    """
    target = np.eye(probabilities.shape[1])[truth]
    return np.asarray(((probabilities - target) ** 2).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Reliability:
    """What each confidence bin holds, `(..., bins)`.

    Attributes:
        count: cases in the bin.
        confidence: mean confidence of these; NaN in an empty bin.
        accuracy: share of these that are right; NaN in an empty bin.
    """

    count: FloatArray
    confidence: FloatArray
    accuracy: FloatArray


def reliability(
    confidence: FloatArray, right: NDArray[np.bool_], weights: FloatArray | None = None, bins: int = BINS
) -> Reliability:
    """Sort the cases into equally wide bins of confidence, each open below and closed above.

    Args:
        confidence: probability of the event that is claimed, `(N,)`.
        right: whether it came true, `(N,)`.
        weights: how often each case counts, `(..., N)`.
        bins: number of bins over [0, 1].
    """
    counted = np.ones(len(confidence)) if weights is None else weights
    member = np.zeros((len(confidence), bins))
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    member[np.arange(len(confidence)), place] = 1.0
    count = counted @ member
    return Reliability(
        count=count,
        confidence=divide(counted @ (member * confidence[:, None]), count),
        accuracy=divide(counted @ (member * right[:, None]), count),
    )


def expected_calibration_error(table: Reliability) -> FloatArray:
    """Return the mean gap between confidence and accuracy, bins weighted by their cases, `(...)` (Guo et al., 2017)."""
    gap = np.nan_to_num(np.abs(table.confidence - table.accuracy))
    return divide((gap * table.count).sum(axis=-1), table.count.sum(axis=-1))
