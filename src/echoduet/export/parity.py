"""Whether a graph answers as PyTorch does."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.errors import ModelError
from echoduet.inference.answers import Views, read_views
from echoduet.inference.predictor import Predictor

LARGEST = 1e-3
"""Difference of a probability between a float32 graph and PyTorch above which the graph is taken for broken."""


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
    pairs = ((expected.lesion, got.lesion), (expected.classes, got.classes))
    return max(float(np.abs(one - other).max()) for one, other in pairs if one is not None and other is not None)


def made_up(size: int, number: int = 3) -> NDArray[np.uint8]:
    """Return gray pictures `(number, size, size)` with coarse and fine structure, the same every time."""
    rng = np.random.default_rng(1993)
    pictures = np.zeros((number, size, size))
    for index, count in itertools.product(range(number), (4, 12, 40)):
        noise = Image.fromarray(rng.uniform(0, 255 / 3, (count, count)).astype(np.float32))
        pictures[index] += np.asarray(noise.resize((size, size), Image.Resampling.BICUBIC))
    return np.clip(pictures, 0, 255).astype(np.uint8)
