"""Whether a graph answers as PyTorch does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.errors import ModelError
from echoduet.evaluation.overlap import dice
from echoduet.inference.answers import Views, read_views
from echoduet.inference.predictor import Predictor
from echoduet.records import GrayImage, Prediction

LARGEST = 1e-3
"""Difference of a probability between a float32 graph and PyTorch above which the graph is taken for broken."""

ALIKE = 0.999
"""Dice of two masks that count as one."""

Pair = tuple[Prediction, Prediction]


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two ways of answering lie apart over some images; what is None was never answered.

    Attributes:
        images: how many were compared.
        probability: largest absolute difference of a class probability.
        changed: images with another class.
        dice_least: least Dice of two masks; two empty ones have 1.
        dice_mean: their mean.
        alike: share of images whose masks have a Dice of `ALIKE` or more.
    """

    images: int
    probability: float | None
    changed: int | None
    dice_least: float | None
    dice_mean: float | None
    alike: float | None

    def told(self) -> str:
        """Return it in one line."""
        parts = [f"{self.images} images"]
        if self.dice_least is not None:
            parts.append(
                f"masks: Dice {self.dice_least:.5f} at least, {self.dice_mean:.5f} in the mean, "
                f"{100 * (self.alike or 0):.1f} % with {ALIKE} or more"
            )
        if self.changed is not None:
            parts.append(f"{self.changed} classes changed, probabilities within {self.probability:.2g}")
        return "; ".join(parts)


@dataclass(slots=True)
class Tally:
    """Compares answers one by one."""

    images: int = 0
    overlaps: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    changed: int = 0

    def add(self, expected: Prediction, got: Prediction) -> None:
        """Count one image's two answers."""
        self.images += 1
        if expected.mask is not None and got.mask is not None:
            self.overlaps.append(dice(expected.mask, got.mask))
        if expected.probabilities is not None and got.probabilities is not None:
            self.apart.append(float(np.abs(expected.probabilities - got.probabilities).max()))
            self.changed += expected.label is not got.label

    def result(self) -> Parity:
        """Return what was found."""
        masks, classes = np.array(self.overlaps), self.apart
        return Parity(
            self.images,
            max(classes) if classes else None,
            self.changed if classes else None,
            float(masks.min()) if len(masks) else None,
            float(masks.mean()) if len(masks) else None,
            float((masks >= ALIKE).mean()) if len(masks) else None,
        )


def pairs(reference: Predictor, candidate: Predictor, images: Iterable[tuple[str, GrayImage]]) -> Iterator[Pair]:
    """Yield both predictors' raw answers to each image, in order."""
    one, other = itertools.tee(images)
    return zip(reference.predict(one), candidate.predict(other), strict=True)


def require_same(reference: Predictor, candidate: Predictor, path: Path) -> None:
    """Refuse a float32 graph whose probabilities are not PyTorch's, to rounding, on a few pictures made up for it.

    Raises:
        ModelError: they differ, or are not numbers.
    """
    pictures = made_up(reference.preprocess.size)
    flip = reference.info.config.inference.flip
    expected, got = (read_views(predictor.runtime, pictures, flip) for predictor in (reference, candidate))
    apart = largest_difference(expected, got)
    if not apart <= LARGEST:
        raise ModelError(
            f"{path}: its probabilities are up to {apart:.3g} off those of the network. Do not use it; serve the "
            "bundle with the runtime torch."
        )


def largest_difference(expected: Views, got: Views) -> float:
    """Return the largest absolute difference of any probability in two sets of readings."""
    both = ((expected.lesion, got.lesion), (expected.classes, got.classes))
    return max(float(np.abs(one - other).max()) for one, other in both if one is not None and other is not None)


def made_up(size: int, number: int = 3) -> NDArray[np.uint8]:
    """Return gray pictures `(number, size, size)` with coarse and fine structure, the same every time."""
    rng = np.random.default_rng(1993)
    pictures = np.zeros((number, size, size))
    for index, count in itertools.product(range(number), (4, 12, 40)):
        noise = Image.fromarray(rng.uniform(0, 255 / 3, (count, count)).astype(np.float32))
        pictures[index] += np.asarray(noise.resize((size, size), Image.Resampling.BICUBIC))
    return np.clip(pictures, 0, 255).astype(np.uint8)
