"""One number that makes class probabilities as sure as they are right."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LEAST, MOST = 0.05, 20.0
"""Temperatures that are tried; beyond them a network knows nothing, or everything."""

FLOOR = 1e-12
"""A probability of exactly 0 has no logarithm."""


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Return probabilities `(..., K)` at a temperature: softmax(log p / T) (Guo et al., 2017).

    Above 1 the answers become less sure, below 1 surer; the order of the classes stays. At 1 they are returned as they
    are.
    """
    if temperature == 1.0:
        return probabilities
    logits = np.log(np.maximum(probabilities, FLOOR)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit_temperature(truth: NDArray[np.int64], probabilities: FloatArray) -> float:
    """Return the temperature that minimises the mean negative log-likelihood, between `LEAST` and `MOST`.

    Args:
        truth: class indices, `(N,)`, of cases that the network did not learn from.
        probabilities: what it answered to them, `(N, K)`.

    With no case there is nothing to learn from: 1.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  # half a second, and predicting needs none of it

    if not len(truth):
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        chosen = tempered(probabilities, math.exp(log_temperature))[rows, truth]
        return float(-np.log(np.maximum(chosen, FLOOR)).mean())

    found = minimize_scalar(loss, bounds=(math.log(LEAST), math.log(MOST)), method="bounded", options={"xatol": 1e-5})
    return round(math.exp(found.x), 4)
