"""Phantoms and what happens to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from echoduet.curation.matching.features import Features, extract
from echoduet.curation.matching.settings import MatchSettings
from echoduet.data.synthetic import simulate
from echoduet.records import GrayImage, Label


@pytest.fixture(scope="session")
def phantom() -> Callable[[int], GrayImage]:
    """Return a phantom of 240 pixels, the same for the same seed."""
    made: dict[int, GrayImage] = {}

    def make(seed: int) -> GrayImage:
        if seed not in made:
            made[seed] = simulate(Label.BENIGN, np.random.default_rng([9, seed]), 240)[0]
        return made[seed]

    return make


@pytest.fixture(scope="session")
def described() -> Callable[[GrayImage], Features]:
    """Return the features of an image under the default settings."""
    return lambda image: extract(image, MatchSettings())
