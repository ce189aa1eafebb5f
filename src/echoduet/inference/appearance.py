"""What a picture looks like, in some thirty numbers: brightness, layers, texture, sharpness. Torch-free."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.records import GrayImage

FloatArray = NDArray[np.float64]

SIDE = 256
"""The larger side to which a picture is brought first, in pixels."""

LEAST_SIDE = 32
"""The smaller side is at least this afterwards; a narrower picture is stretched."""

CELL = 8
"""Side of the squares in which local brightness and texture are taken, in pixels of the small picture."""

OCTAVES = 4
"""Bands of detail, each twice as coarse as the one before."""

DARK, BRIGHT = 13, 200
"""Gray values below the one are dark, from the other on bright."""

_EPS = 1e-3
"""A quarter of a gray level: added before logarithms and ratios."""

_LEVELS = np.arange(256) / 255

NAMES: tuple[str, ...] = (
    "mean",
    "spread",
    "skewness",
    "dark",
    "bright",
    "median",
    "entropy",
    "attenuation",
    "upper",
    "rows",
    "columns",
    "detail",
    "tails",
    "direction",
    *(f"{way}_{lag}" for way in ("along", "down") for lag in (1, 2, 4)),
    "grain",
    "grain_of_light",
    "grain_range",
    "grain_ratio",
    "flat",
    *(f"octave_{n}" for n in range(OCTAVES)),
    "sharpness",
    "equal",
)
"""The features, in their order."""

GRAIN: tuple[str, ...] = (
    "tails",
    "direction",
    *(f"{way}_{lag}" for way in ("along", "down") for lag in (1, 2, 4)),
    "grain_of_light",
    *(f"octave_{n}" for n in range(OCTAVES)),
)
"""Those that tell how a picture came about, not how bright it is: a beam blurs across itself, and less along itself."""


def features(gray: GrayImage) -> FloatArray:
    """Return the features of a picture, `(F,)` in the order of `NAMES`; finite for any picture with a pixel.

    Args:
        gray: the picture, `(H, W)`, in its own size.
    """
    small = shrunk(gray)
    values = small.astype(np.float32) / np.float32(255)
    found = [*_brightness(small), *_layers(values), *_texture(values), *_cells(values), *_octaves(values)]
    return np.array([*found, *_sharpness(gray, values)], np.float64)


def shrunk(gray: GrayImage) -> GrayImage:
    """Return the picture with its larger side at `SIDE`, `(h, w)`."""
    height, width = gray.shape
    scale = SIDE / max(height, width)
    shape = max(LEAST_SIDE, round(width * scale)), max(LEAST_SIDE, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, shape, interpolation=way), np.uint8)


def reduced(picture: NDArray[np.uint8], largest: int) -> NDArray[np.uint8]:
    """Return a picture, gray or coloured, whose larger side is at most `largest`: shrunk, or as it is."""
    height, width = picture.shape[:2]
    scale = largest / max(height, width)
    if scale >= 1:
        return picture
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _brightness(small: GrayImage) -> list[float]:
    share = np.bincount(small.ravel(), minlength=256) / small.size
    mean = float(share @ _LEVELS)
    away = _LEVELS - mean
    spread = float(np.sqrt(share @ away**2))
    skewness = float(share @ away**3) / (spread + _EPS) ** 3
    coarse = share.reshape(64, 4).sum(axis=1)
    entropy = -float(np.sum(coarse * np.log2(coarse + 1e-12)))
    median = float(np.searchsorted(share.cumsum(), 0.5)) / 255
    return [
        mean,
        spread,
        _signed_log(skewness),
        float(share[:DARK].sum()),
        float(share[BRIGHT:].sum()),
        median,
        entropy,
    ]


def _layers(values: NDArray[np.float32]) -> list[float]:
    """Tell how brightness falls with depth, and how much of it is a matter of rows or of columns."""
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    depth = np.linspace(-1, 1, len(rows))
    fall = float(np.mean(depth * (rows - rows.mean()))) / (float(rows.std()) + _EPS)
    third = max(1, len(rows) // 3)
    upper = float(rows[:third].mean() - rows[-third:].mean())
    whole = float(values.var()) + _EPS**2
    return [fall, upper, float(np.sqrt(rows.var() / whole)), float(np.sqrt(columns.var() / whole))]


def _texture(values: NDArray[np.float32]) -> list[float]:
    """Tell of the fine structure: strength, tails, direction, and how far it goes on along a row and down a column."""
    fine = values - cv2.blur(values, (9, 9))
    square = fine * fine
    power = float(np.mean(square)) + _EPS**2
    tails = float(np.mean(square * square)) / power**2
    along, down = (_steps(part) for part in (values, values.T))
    lags = [_lagged(part, lag) / power for part in (fine, fine.T) for lag in (1, 2, 4)]
    return [np.log(power) / 2, np.log(tails + _EPS), np.log(down / along) / 2, *lags]


def _steps(values: NDArray[np.float32]) -> float:
    steps = values[:, 1:] - values[:, :-1]
    return float(np.mean(steps * steps)) + _EPS**2


def _lagged(fine: NDArray[np.float32], lag: int) -> float:
    return float(np.mean(fine[:, lag:] * fine[:, :-lag]))


def _cells(values: NDArray[np.float32]) -> list[float]:
    """Tell of small squares: how grainy, whether bright ones more so, and how many show nothing."""
    size = values.shape[1] // CELL, values.shape[0] // CELL
    mean, square = (cv2.resize(v, size, interpolation=cv2.INTER_AREA).ravel() for v in (values, values * values))
    spread = np.sqrt(np.maximum(square - mean * mean, 0)) + _EPS
    low, middle, high = np.quantile(np.log(spread), (0.1, 0.5, 0.9))
    light = (mean - mean.mean()) / (float(mean.std()) + _EPS)
    deviation = np.log(spread) - np.log(spread).mean()
    with_light = float(np.mean(light * deviation)) / (float(deviation.std()) + _EPS)
    ratio = float(np.median(np.log(spread / (mean + 0.02))))
    return [float(middle), with_light, float(high - low), ratio, float(np.mean(spread < 2 / 255))]


def _octaves(values: NDArray[np.float32]) -> list[float]:
    """Return the logarithm of the strength of each band of detail, relative to all of them, finest first."""
    powers = []
    for _ in range(OCTAVES):
        coarse = cv2.pyrDown(values)
        band = values - cv2.pyrUp(coarse, dstsize=values.shape[::-1])
        powers.append(float(np.mean(band * band)) + _EPS**2)
        values = np.asarray(coarse, np.float32)
    return [float(np.log(power / sum(powers))) / 2 for power in powers]


def _sharpness(gray: GrayImage, values: NDArray[np.float32]) -> list[float]:
    """Tell of the middle of the picture in its own size: its finest steps, and how many neighbours are equal."""
    height, width = gray.shape
    top, left = max(0, (height - 2 * SIDE) // 2), max(0, (width - 2 * SIDE) // 2)
    middle = gray[top : top + 2 * SIDE, left : left + 2 * SIDE]
    if middle.shape[1] < 2:
        return [0.0, 1.0]
    steps = cv2.absdiff(middle[:, 1:], middle[:, :-1])
    fine = float(np.mean(np.square(steps, dtype=np.float32))) / 255**2 + _EPS**2
    return [float(np.log(fine / _steps(values))) / 2, 1.0 - cv2.countNonZero(steps) / steps.size]


def _signed_log(value: float) -> float:
    return float(np.sign(value) * np.log1p(abs(value)))
