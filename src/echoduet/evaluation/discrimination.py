"""How well a score ranks positives above negatives, and the thresholds that turn it into a decision.

Case weights have shape `(..., N)` and their leading dimensions are kept, as in `classification`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.classification import defined_mean, divide

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Steps:
    """Weight of the positives and negatives at each distinct score, highest first, `(..., U)`."""

    positive: FloatArray
    negative: FloatArray


def _steps(positive: BoolArray, score: FloatArray, weights: FloatArray | None) -> _Steps:
    counted = np.ones(len(score)) if weights is None else weights
    order = np.argsort(-score, kind="stable")
    ordered, hit = counted[..., order], positive[order]
    starts = np.flatnonzero(np.diff(score[order], prepend=np.inf))
    positives = ordered * hit
    return _Steps(positive=_summed(positives, starts), negative=_summed(ordered - positives, starts))


def _summed(values: FloatArray, starts: NDArray[np.int64]) -> FloatArray:
    if len(starts) == values.shape[-1]:  # `reduceat` along rows is slow, and scores without ties need no sums
        return values
    ends = np.append(starts[1:], values.shape[-1]) - 1
    return np.diff(np.cumsum(values, axis=-1)[..., ends], axis=-1, prepend=0.0)


def auroc(positive: BoolArray, score: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Args:
        positive: which cases are positive, `(N,)`.
        score: higher means more likely positive, `(N,)`.
        weights: how often each case counts, `(..., N)`.

    Returns:
        The area, `(...)`; NaN where positives or negatives are missing.
    """
    if not len(score):
        return np.full(() if weights is None else weights.shape[:-1], np.nan)
    counted = np.ones(len(score)) if weights is None else weights
    rising = np.flatnonzero(positive)[np.argsort(score[positive])]
    below = np.zeros((*counted.shape[:-1], len(rising) + 1))
    np.cumsum(counted[..., rising], axis=-1, out=below[..., 1:])  # weight of the 0, 1, 2 ... lowest positives
    ranked, spared = score[rising], np.flatnonzero(~positive)
    at, up_to = (np.searchsorted(ranked, score[spared], side) for side in ("left", "right"))
    ties = 0.0 if np.array_equal(at, up_to) else (below[..., up_to] - below[..., at]) / 2
    against = counted[..., spared]
    total = below[..., -1:]
    won = total - below[..., at] - ties  # by the positives, over each negative
    return divide((won * against).sum(axis=-1), total[..., 0] * against.sum(axis=-1))


def auroc_macro(truth: NDArray[np.int64], scores: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the mean one-vs-rest area over the classes that have positives and negatives, `(...)`.

    Args:
        truth: class indices, `(N,)`.
        scores: one column a class, `(N, K)`.
        weights: how often each case counts, `(..., N)`.
    """
    areas = [auroc(truth == k, scores[:, k], weights) for k in range(scores.shape[1])]
    return defined_mean(np.stack(areas, axis=-1))


def average_precision(positive: BoolArray, score: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the area under the precision-recall curve, as the sum of recall steps times precision, `(...)`.

    NaN where there is no positive. Arguments as for `auroc`.
    """
    if not len(score):
        return np.full(() if weights is None else weights.shape[:-1], np.nan)
    steps = _steps(positive, score, weights)
    found, alarms = np.cumsum(steps.positive, axis=-1), np.cumsum(steps.negative, axis=-1)
    precision = np.nan_to_num(divide(found, found + alarms))
    return divide((steps.positive * precision).sum(axis=-1), steps.positive.sum(axis=-1))


def roc_curve(positive: BoolArray, score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return false-positive rate and true-positive rate at each distinct score, from (0, 0) to (1, 1), `(U + 1,)`."""
    steps = _steps(positive, score, None)
    false = np.concatenate([[0.0], np.cumsum(steps.negative)])
    true = np.concatenate([[0.0], np.cumsum(steps.positive)])
    return divide(false, false[-1]), divide(true, true[-1])


def threshold_at_specificity(positive: BoolArray, score: FloatArray, target: float) -> float | None:
    """Return the lowest threshold whose specificity is at least `target`; None without negatives.

    A case is called positive when its score is at least the threshold.
    """
    negatives = np.sort(score[~positive])
    if not negatives.size:
        return None
    spared = math.ceil(target * negatives.size - 1e-9)
    return float(np.nextafter(negatives[spared - 1], np.inf)) if spared else float(negatives[0])


def threshold_at_sensitivity(positive: BoolArray, score: FloatArray, target: float) -> float | None:
    """Return the highest threshold whose sensitivity is at least `target`; None without positives.

    A case is called positive when its score is at least the threshold.
    """
    positives = np.sort(score[positive])[::-1]
    if not positives.size:
        return None
    return float(positives[max(math.ceil(target * positives.size - 1e-9), 1) - 1])


@dataclass(frozen=True, slots=True)
class Decision:
    """Decisions at thresholds that were not chosen on the cases they decide, where folds allow that.

    Attributes:
        positive: 1 for a case called positive, 0 for one that is not, NaN where no threshold could be chosen, `(N,)`.
        thresholds: the threshold of each fold in ascending order; one entry without folds.
        chosen: how: "out of fold" or "on the same cases".
    """

    positive: FloatArray
    thresholds: tuple[float | None, ...]
    chosen: str


def decide(
    positive: BoolArray,
    score: FloatArray,
    folds: Sequence[int | None],
    choose: Callable[[BoolArray, FloatArray], float | None],
) -> Decision:
    """Call each case positive or not, at the threshold that `choose` finds on the other folds' cases.

    With fewer than two folds there are no other cases: the threshold is then chosen on the cases themselves, which
    flatters, and `chosen` says so.
    """
    names = sorted({fold for fold in folds if fold is not None})
    if len(names) < 2 or None in folds:
        threshold = choose(positive, score)
        return Decision(_call(score, threshold), (threshold,), "on the same cases")
    called, thresholds = np.full(len(score), np.nan), []
    for name in names:
        inside = np.array([fold == name for fold in folds])
        threshold = choose(positive[~inside], score[~inside])
        called[inside] = _call(score[inside], threshold)
        thresholds.append(threshold)
    return Decision(called, tuple(thresholds), "out of fold")


def _call(score: FloatArray, threshold: float | None) -> FloatArray:
    return np.full(len(score), np.nan) if threshold is None else (score >= threshold).astype(np.float64)
