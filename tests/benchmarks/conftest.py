"""The scripts of benchmarks/ are imported by their names, as they import each other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from echoduet.records import GrayImage

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
if BENCHMARKS not in sys.path:
    sys.path.insert(0, BENCHMARKS)


@pytest.fixture(scope="session")
def texture() -> Callable[..., GrayImage]:
    """Return a random texture at several scales, unlike that of any other seed."""

    def make(seed: int = 1, shape: tuple[int, int] = (150, 180)) -> GrayImage:
        rng = np.random.default_rng(seed)
        layers = sum(gaussian_filter(rng.standard_normal(shape), sigma) * sigma for sigma in (1.5, 4, 12))
        return np.clip(100 + 60 * layers, 10, 250).astype(np.uint8)

    return make
