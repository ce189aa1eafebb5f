"""Which images an int8 graph is calibrated on, and which its loss is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest
from echoduet.errors import DataError
from echoduet.progress import Progress, silent
from echoduet.records import Case
from echoduet.splits.groups import group_numbers
from echoduet.transforms.preprocess import Preprocess

MOST = 100
"""Images to calibrate on: the ranges of the maps hardly change beyond a few dozen."""

LEAST_MEASURED = 2


@dataclass(frozen=True, slots=True)
class Division:
    """Cases to calibrate on, and cases to measure on that are not tied to any of those.

    Attributes:
        calibration: every so many of all cases, so that classes have their share.
        measured: the others.
        groups: a number for each case to measure on, equal where cases are tied.
    """

    calibration: tuple[Case, ...]
    measured: tuple[Case, ...]
    groups: tuple[int, ...]


def divide(manifest: Manifest, most: int = MOST) -> Division:
    """Divide the cases of a manifest; at most a fifth of them, and `most`, are for calibration.

    Raises:
        DataError: there are too few.
    """
    cases = manifest.cases
    chosen = list(range(0, len(cases), max(5, -(-len(cases) // most))))
    numbers = group_numbers(cases)
    taken = {int(numbers[i]) for i in chosen}
    others = [i for i in range(len(cases)) if int(numbers[i]) not in taken]
    if len({int(numbers[i]) for i in others}) < LEAST_MEASURED:
        raise DataError(
            f"--data: {len(cases)} cases are too few to calibrate on some and measure the loss on others. Give more."
        )
    return Division(
        tuple(cases[i] for i in chosen),
        tuple(cases[i] for i in others),
        tuple(int(numbers[i]) for i in others),
    )


def read_pictures(cases: Sequence[Case], preprocess: Preprocess, progress: Progress = silent) -> NDArray[np.uint8]:
    """Return the cases' images as the network sees them, `(N, S, S)`.

    Raises:
        ImageError: one cannot be read.
    """
    shown = progress(cases, label="reading images to calibrate on", total=len(cases))
    return np.stack([preprocess.image(read_gray(case.image)) for case in shown])


def digest(pictures: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of pictures, by which a graph says what it was calibrated on."""
    return hashlib.sha256(np.ascontiguousarray(pictures).tobytes()).hexdigest()
