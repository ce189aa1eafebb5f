"""The cheap first look: which pairs of images are alike enough for a closer one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 1024
"""Rows of the correlation matrix held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two images, by position (`a < b`), that look alike, or alike once `b` is flipped left to right."""

    a: int
    b: int
    mirrored: bool


def candidate_pairs(thumbnails: NDArray[np.float32], correlation: float, mirrored: bool = True) -> list[Candidate]:
    """Return the pairs whose thumbnails correlate at least so much, plain ones first, each kind by position.

    All pairs are compared, by one matrix product.

    Args:
        thumbnails: `(N, S, S)`.
        correlation: least Pearson correlation of the gray values.
        mirrored: also compare with the images flipped left to right.
    """
    plain = _standardised(thumbnails)
    found = [Candidate(a, b, False) for a, b in _correlated(plain, plain, correlation)]
    if mirrored:
        flipped = _standardised(thumbnails[:, :, ::-1])
        found += [Candidate(a, b, True) for a, b in _correlated(plain, flipped, correlation)]
    return found


def _standardised(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of mean 0 and length 1, `(N, S * S)`; a blank image becomes 0 and correlates with nothing."""
    rows = thumbnails.reshape(len(thumbnails), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-3)
    return unit


def _correlated(left: NDArray[np.float32], right: NDArray[np.float32], correlation: float) -> Iterator[tuple[int, int]]:
    for start in range(0, len(left), ROWS_AT_ONCE):
        block = left[start : start + ROWS_AT_ONCE] @ right.T
        rows, columns = np.nonzero(block >= correlation)
        above = columns > rows + start
        yield from zip((rows[above] + start).tolist(), columns[above].tolist(), strict=True)
