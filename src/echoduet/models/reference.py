"""What the pictures of a data set have in common, as plain numbers: how far another one lies from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SHRINKAGE = 0.2
"""Share by which correlations are drawn to none: features outnumber what a few hundred pictures tell of each pair."""

LEAST_SPREAD = 1e-3
"""Least standard deviation taken for a feature: one that never varies would make any other value infinitely far."""

_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Reference:
    """Features of known pictures: their means, standard deviations and shrunk correlations.

    Attributes:
        names: the features, F of them.
        mean: of each, F numbers.
        spread: standard deviation of each, F numbers above 0.
        correlation: of each pair, F rows of F numbers, drawn towards the identity.
        cases: how many pictures it was made of.

    Raises:
        ValueError: the numbers do not fit together.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]
    cases: int

    def __post_init__(self) -> None:
        count = len(self.names)
        lengths = {len(self.mean), len(self.spread), len(self.correlation), *map(len, self.correlation)}
        if lengths != {count} or len(set(self.names)) < count:
            raise ValueError("a reference's features, means, spreads and correlations do not fit together")
        matrix = np.array(self.correlation, np.float64)
        numbers = np.array([self.mean, self.spread], np.float64)
        if not (np.isfinite(numbers).all() and np.isfinite(matrix).all() and (numbers[1] > 0).all()):
            raise ValueError("a reference's numbers are not finite, or its spreads not above 0")
        if not (np.array_equal(matrix, matrix.T) and np.linalg.eigvalsh(matrix)[0] > 0):
            raise ValueError("a reference's correlations are none of any pictures")

    @classmethod
    def fit(cls, names: Sequence[str], features: FloatArray) -> Reference:
        """Make the reference of some pictures.

        Args:
            names: the features, F of them.
            features: of each picture, `(N, F)`, at least two pictures.
        """
        mean = features.mean(axis=0)
        spread = np.maximum(features.std(axis=0), LEAST_SPREAD)
        scaled = (features - mean) / spread
        shrunk = (1 - SHRINKAGE) * scaled.T @ scaled / len(features) + SHRINKAGE * np.eye(len(names))
        return cls(
            tuple(names), _plain(mean), _plain(spread), tuple(map(_plain, (shrunk + shrunk.T) / 2)), len(features)
        )

    def distance(self, names: Sequence[str] | None = None) -> Distance:
        """Return the distance in all features, or in those named only.

        Raises:
            KeyError: one of the names is no feature of this reference.
        """
        position = {name: i for i, name in enumerate(self.names)}
        chosen = np.array([position[name] for name in (self.names if names is None else names)])
        correlation = np.array(self.correlation)[np.ix_(chosen, chosen)]
        return Distance(chosen, np.array(self.mean)[chosen], np.array(self.spread)[chosen], np.linalg.inv(correlation))

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Reference:
        """Read what `to_plain` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        numbers = {key: tuple(map(float, content[key])) for key in ("mean", "spread")}
        rows = tuple(tuple(map(float, row)) for row in content["correlation"])
        return cls(tuple(map(str, content["names"])), **numbers, correlation=rows, cases=int(content["cases"]))


@dataclass(frozen=True, slots=True, eq=False)
class Distance:
    """How far a picture lies from those of a reference, in some of its features.

    Mahalanobis' distance over the square root of the number of features: a picture like the others has about 1.
    """

    chosen: NDArray[np.intp]
    mean: FloatArray
    spread: FloatArray
    precision: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return the distance of each picture, `(N,)`.

        Args:
            features: all features of the reference, `(N, F)`.
        """
        scaled = (features[:, self.chosen] - self.mean) / self.spread
        squares = np.einsum("ni,ij,nj->n", scaled, self.precision, scaled)
        return np.asarray(np.sqrt(np.maximum(squares, 0) / len(self.chosen)))


def _plain(values: FloatArray) -> tuple[float, ...]:
    """Round to the digits that a bundle keeps, so that what was fitted is what is read."""
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)
