"""Cases as the index notes them, without a file behind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from echoduet.curation.index.entries import Entry, Key
from echoduet.curation.index.folder import Index
from echoduet.curation.matching.features import DESCRIPTOR, Features, extract
from echoduet.curation.matching.settings import MatchSettings
from echoduet.records import GrayImage

Read = tuple[Entry, Features]
ReadMaker = Callable[..., Read]


@pytest.fixture
def settings() -> MatchSettings:
    return MatchSettings(side=96, features=60)


def entry_of(name: str, features: Features) -> Entry:
    """Return the entry of an image that was described."""
    return Entry(
        key=Key(f"/data/{name}.png", (f"/data/{name}_mask.png",), "benign"),
        stamps=((1000, 1), (200, 2)),
        width=features.width,
        height=features.height,
        sha256="0" * 64,
        pixels=features.pixels,
        features=len(features.points),
        shape=(features.picture.shape[0], features.picture.shape[1]),
        outlined=7,
        scores={"calipers": 0.25},
    )


def made_up(number: int) -> Read:
    """Return the entry and made-up features of a case by number: as many points as the number."""
    rng = np.random.default_rng(number)
    height, width = rng.integers(20, 97, 2)
    features = Features(
        pixels=f"{number:064x}",
        width=2 * int(width),
        height=2 * int(height),
        picture=rng.integers(0, 256, (height, width), dtype=np.uint8),
        overlay=rng.random((height, width)) < (0.1 if number % 2 else 0.0),
        points=rng.random((number, 4), dtype=np.float32),
        descriptors=rng.integers(0, 256, (number, DESCRIPTOR), dtype=np.uint8),
    )
    return entry_of(f"case {number}", features), features


@pytest.fixture(scope="session")
def noise() -> ReadMaker:
    """Make the entry and features of a case by number, without an image."""
    return made_up


@pytest.fixture
def described(settings: MatchSettings) -> Callable[[str, GrayImage], Read]:
    """Return the entry and true features of an image."""

    def make(name: str, image: GrayImage) -> Read:
        features = extract(image, settings)
        return entry_of(name, features), features

    return make


@pytest.fixture
def opened(tmp_path: Path, settings: MatchSettings) -> Callable[[], Index]:
    """Open the test's own index; it may be opened again once it is closed."""
    return lambda: Index.open(tmp_path / "index", settings)
