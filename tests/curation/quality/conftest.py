"""Phantoms with and without graphics whose place is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from echoduet.data.overlays import Overlay, burn_in
from echoduet.data.phantom_scan import Scan, scan_phantom
from echoduet.records import GrayImage, Label, Mask


@dataclass(frozen=True)
class Drawn:
    """A phantom, and where something was drawn on it."""

    plain: GrayImage
    image: GrayImage
    ink: Mask


@cache
def _scan(seed: int, width: int) -> Scan:
    return scan_phantom(Label.BENIGN, np.random.default_rng(seed), width)


@pytest.fixture(scope="session")
def drawn() -> Callable[..., Drawn]:
    """Return a phantom with an overlay."""

    def make(overlay: Overlay, seed: int = 0, width: int = 560) -> Drawn:
        scan = _scan(seed, width)
        image = burn_in(scan.image, scan.mask, overlay, np.random.default_rng(seed + 100))
        return Drawn(scan.image, image, np.abs(image.astype(int) - scan.image) > 60)

    return make


@pytest.fixture(scope="session")
def phantom() -> Callable[..., GrayImage]:
    """Return a phantom without graphics."""
    return lambda seed=0, width=560: _scan(seed, width).image.copy()


@pytest.fixture(scope="session")
def coloured() -> Callable[[GrayImage], np.ndarray]:
    """Return a gray image as red, green and blue."""
    return lambda gray: np.repeat(gray[..., None], 3, axis=2)
