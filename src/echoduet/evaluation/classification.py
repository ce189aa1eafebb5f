"""Classification scores that follow from the confusion matrix.

Every function takes case weights of shape `(..., N)` or a matrix of shape `(..., K, K)`, and keeps the leading
dimensions: a thousand bootstrap resamples are scored at once. A score that its cases leave undefined is NaN here; the
report writes it as null, with the reason.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; NaN where the denominator is zero."""
    numerator, denominator = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    quotient: FloatArray = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=quotient, where=denominator != 0)


def defined_mean(values: FloatArray, axis: int = -1) -> FloatArray:
    """Return the mean of the values that are not NaN; NaN where none is left."""
    defined = ~np.isnan(values)
    return divide(np.where(defined, values, 0.0).sum(axis=axis), defined.sum(axis=axis).astype(np.float64))


def confusion_matrix(truth: IntArray, answer: IntArray, classes: int, weights: FloatArray | None = None) -> FloatArray:
    """Count the cases by true class (rows) and answered class (columns).

    Args:
        truth: class indices, `(N,)`.
        answer: class indices, `(N,)`.
        classes: number of classes K.
        weights: how often each case counts, `(..., N)`; once each by default.

    Returns:
        The counts, `(..., K, K)`.
    """
    counted = np.ones(len(truth)) if weights is None else weights
    cells = np.zeros((len(truth), classes * classes))
    cells[np.arange(len(truth)), truth * classes + answer] = 1.0
    table = counted @ cells
    return np.asarray(table.reshape(*counted.shape[:-1], classes, classes))


def accuracy(confusion: FloatArray) -> FloatArray:
    """Return the share of right answers, `(...)`."""
    return divide(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def recall(confusion: FloatArray) -> FloatArray:
    """Return each class's share of cases that were recognised, `(..., K)`; NaN for a class without cases."""
    return divide(_hits(confusion), confusion.sum(axis=-1))


def balanced_accuracy(confusion: FloatArray) -> FloatArray:
    """Return the mean recall of the classes that have cases, `(...)`."""
    return defined_mean(recall(confusion))


def f1(confusion: FloatArray) -> FloatArray:
    """Return each class's F1, 2 TP / (2 TP + FP + FN), `(..., K)`; NaN for a class neither present nor answered."""
    return divide(2 * _hits(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def f1_macro(confusion: FloatArray) -> FloatArray:
    """Return the mean F1 of the classes that are present or answered, `(...)`."""
    return defined_mean(f1(confusion))


def f1_weighted(confusion: FloatArray) -> FloatArray:
    """Return the mean F1 weighted by the number of cases of each class, `(...)`."""
    support = confusion.sum(axis=-1)
    return divide((np.nan_to_num(f1(confusion)) * support).sum(axis=-1), support.sum(axis=-1))


def mcc(confusion: FloatArray) -> FloatArray:
    """Return the multi-class Matthews correlation coefficient of Gorodkin (2004), `(...)`.

    One constant answer to cases of several classes carries no information: 0. Cases of one class only: undefined.
    """
    truth, answer = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total = confusion.sum(axis=(-2, -1))
    covariance = np.trace(confusion, axis1=-2, axis2=-1) * total - (truth * answer).sum(axis=-1)
    truth_spread = total**2 - (truth**2).sum(axis=-1)
    answer_spread = total**2 - (answer**2).sum(axis=-1)
    constant = np.asarray((answer_spread == 0) & (truth_spread > 0))
    return np.where(constant, 0.0, divide(covariance, np.sqrt(truth_spread * answer_spread)))


def _hits(confusion: FloatArray) -> FloatArray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)
