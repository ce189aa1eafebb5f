"""How far several readings of one picture lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.temperature import tempered


def lesion_spread(readings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the standard deviation of the lesion probability over `V` readings, `(V, S, S)` to `(S, S)`.

    Of all `V` readings, not of a sample (divided by `V`): at most 0.5, where half are sure of a lesion and half of
    none.
    """
    return np.asarray(readings.std(axis=0), dtype=np.float32)


def outline_uncertainty(readings: NDArray[np.float32], spread: NDArray[np.float32], threshold: float) -> float:
    """Return the mean spread over the pixels that any reading outlines; 0 where none outlines any.

    Args:
        readings: lesion probability, `(V, H, W)`.
        spread: what `lesion_spread` makes of them, `(H, W)`.
        threshold: least probability of a lesion pixel.
    """
    outlined = (readings >= threshold).any(axis=0)
    return float(spread[outlined].mean()) if outlined.any() else 0.0


def class_spread(readings: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the standard deviation of each class probability over `V` readings, `(V, 3)` to `(3,)`.

    Each reading is brought to the bundle's temperature first.
    """
    return np.asarray(tempered(readings, temperature).std(axis=0))
