"""Tiny scans for the miniatures of each data-set layout: speckle, and a lesion that looks like its class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.files import atomic_path
from echoduet.records import GrayImage, Label, Mask


def draw_scan(rng: np.random.Generator, label: Label, width: int = 88, height: int = 72) -> tuple[GrayImage, Mask]:
    """Return a gray image `(height, width)` and its lesion mask.

    Benign lesions are dark, smooth, wide ovals with a bright field below; malignant ones are taller, spiculated and
    cast a shadow; normals have an empty mask.
    """
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    tissue = 0.55 - 0.25 * rows / height + 0.06 * np.sin(rows / rng.uniform(3, 6) + rng.uniform(0, 6))
    mask = np.zeros((height, width), dtype=np.bool_)
    if label is not Label.NORMAL:
        mask, below = _lesion(rng, label, rows, columns)
        tissue[below] *= 1.5 if label is Label.BENIGN else 0.55
        tissue[mask] = 0.12
    speckle = np.abs(_smoothed(rng.normal(size=(2, height, width)))).sum(axis=0)
    return np.clip(255 * tissue * (0.4 + 0.9 * speckle), 0, 255).astype(np.uint8), mask


def _smoothed(field: NDArray[np.float64]) -> NDArray[np.float64]:
    # The binomial kernel (1, 2, 1) / 4 along both axes: a point-spread function of about two pixels.
    for axis in (1, 2):
        field = 0.5 * field + 0.25 * (np.roll(field, 1, axis) + np.roll(field, -1, axis))
    return field


def _lesion(
    rng: np.random.Generator, label: Label, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[Mask, Mask]:
    height, width = rows.shape
    x, y = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.35, 0.5)
    tall = label is Label.MALIGNANT
    size = rng.uniform(0.8, 1.2)
    across, down = size * width * (0.12 if tall else 0.22), size * height * (0.22 if tall else 0.15)
    angle = np.arctan2(rows - y, columns - x)
    edge = 1 + (0.25 * np.sin(rng.integers(5, 8) * angle + rng.uniform(0, 6)) if tall else 0)
    mask = np.hypot((columns - x) / across, (rows - y) / down) < edge
    below = (np.abs(columns - x) < across) & (rows > y)
    return mask, below


def split_mask(mask: Mask) -> Iterator[Mask]:
    """Yield the left and the right half of a lesion: two masks whose union is the whole."""
    middle = int(np.median(np.nonzero(mask)[1]))
    columns = np.arange(mask.shape[1])
    yield mask & (columns < middle)
    yield mask & (columns >= middle)


def save(path: Path, pixels: GrayImage | Mask, mode: str = "L") -> None:
    """Write gray pixels or a mask (0/255) in a Pillow mode, in the format of the file name's extension."""
    gray = pixels.astype(np.uint8) * 255 if pixels.dtype == np.bool_ else pixels
    picture = Image.fromarray(gray)
    with atomic_path(path) as temporary:
        picture.convert(mode).save(temporary)
