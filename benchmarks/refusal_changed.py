"""Images of BUSI, changed: so that they must be refused, so that they must not, and what lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from echoduet.data.overlays import Overlay, burn_in
from echoduet.data.phantom_scan import scan_phantom
from echoduet.inference.refusal import SMALL
from echoduet.records import CLASSES, ColourImage, GrayImage
from refusal_pictures import Generator, Picture, coloured

Known = Sequence[tuple[str, GrayImage]]
"""Images of BUSI by their ids."""

EVERY = 6
"""Changed pictures are made of every sixth image."""

PHANTOMS = 60

MAPS = (cv2.COLORMAP_JET, cv2.COLORMAP_HOT, cv2.COLORMAP_VIRIDIS, cv2.COLORMAP_OCEAN)


def no_ultrasound_any_more(known: Known, rng: Generator) -> Iterator[Picture]:
    """Yield images inverted, and in false colours; others than those looked at while the features were chosen."""
    for case_id, gray in known[3::EVERY]:
        yield Picture("inverted ultrasound", case_id, 255 - gray, None, case_id)
    for number, (case_id, gray) in enumerate(known[1::EVERY]):
        false = cv2.cvtColor(cv2.applyColorMap(gray, MAPS[number % len(MAPS)]), cv2.COLOR_BGR2RGB)
        yield coloured("ultrasound in false colours", case_id, np.asarray(false, np.uint8), case_id)


def own_grounds(known: Known, rng: Generator) -> Iterator[Picture]:
    """Yield pictures for the three grounds that ask for no reference: panels, drawn flow, tiny ones."""
    chosen = known[2::EVERY]
    for (first, left), (_, right) in pairwise(chosen):
        for kind, gap in (("two panels that touch", 0), ("two panels with a gap", 8)):
            yield Picture(kind, first, _beside(left, right, gap), None, first)
    for case_id, gray in chosen:
        yield coloured("drawn flow", case_id, _with_flow(gray, rng), case_id)
        scale = (SMALL - 16) / min(gray.shape)
        tiny = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield Picture("tiny", case_id, np.asarray(tiny, np.uint8), None, case_id)


def _beside(left: GrayImage, right: GrayImage, gap: int) -> GrayImage:
    width = round(right.shape[1] * left.shape[0] / right.shape[0])
    fitting = cv2.resize(right, (width, left.shape[0]), interpolation=cv2.INTER_AREA)
    return np.hstack([left, np.zeros((left.shape[0], gap), np.uint8), np.asarray(fitting, np.uint8)])


def _with_flow(gray: GrayImage, rng: Generator) -> ColourImage:
    """Draw a box, and a few red and blue vessels in it."""
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)
    height, width = gray.shape
    top, left = int(0.2 * height), int(rng.uniform(0.1, 0.4) * width)
    bottom, right = top + height // 2, left + width // 2
    cv2.rectangle(picture, (left, top), (right, bottom), (0, 200, 0), 1)
    for number in range(int(rng.integers(2, 7))):
        centre = int(rng.integers(left + 10, right - 10)), int(rng.integers(top + 10, bottom - 10))
        axes = int(rng.integers(4, 20)), int(rng.integers(3, 8))
        colour = (220, int(rng.integers(120)), 20) if number % 2 else (20, int(rng.integers(120)), 220)
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return np.asarray(picture, np.uint8)


def near(known: Known, rng: Generator) -> Iterator[Picture]:
    """Yield what lies between: turned, framed or covered with letters, and the phantoms of this package."""
    for case_id, gray in known[4::EVERY]:
        for kind, change in BETWEEN.items():
            yield Picture(kind, case_id, change(gray, rng), None, case_id)
    for number in range(PHANTOMS):
        image = scan_phantom(CLASSES[number % 3], rng).image
        yield Picture("phantoms of this package", f"phantom {number}", image)


def kept(known: Known, rng: Generator) -> Iterator[Picture]:
    """Yield images as another setting, file format or crop would show them: not to be refused."""
    for case_id, gray in known[5::EVERY]:
        for kind, change in HARMLESS.items():
            yield Picture(kind, case_id, np.ascontiguousarray(change(gray, rng), np.uint8), None, case_id)


def _covered(gray: GrayImage, rng: Generator) -> GrayImage:
    nothing = np.zeros(gray.shape, np.bool_)
    for _ in range(4):
        gray = burn_in(gray, nothing, Overlay(calipers=True, text=True), rng)
    return gray


def _framed(gray: GrayImage, rng: Generator) -> GrayImage:
    down, along = (int(0.15 * side) for side in gray.shape)
    return np.asarray(cv2.copyMakeBorder(gray, down, down, along, along, cv2.BORDER_CONSTANT, value=0), np.uint8)


def _cropped(gray: GrayImage, rng: Generator) -> GrayImage:
    height, width = gray.shape
    return gray[: int(0.8 * height), int(0.1 * width) : int(0.9 * width)]


def _scaled(gray: GrayImage, scale: float) -> GrayImage:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=way), np.uint8)


def _brighter(gray: GrayImage, gain: float) -> GrayImage:
    return np.asarray(np.clip(gray * gain, 0, 255), np.uint8)


def _jpeg(gray: GrayImage) -> GrayImage:
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_GRAYSCALE), np.uint8
    )


Change = Callable[[GrayImage, Generator], GrayImage]

BETWEEN: dict[str, Change] = {
    "upside down": lambda gray, rng: np.ascontiguousarray(gray[::-1]),
    "on its side": lambda gray, rng: np.ascontiguousarray(np.rot90(gray)),
    "in a black frame (15 % a side)": _framed,
    "covered with calipers and text": _covered,
}

HARMLESS: dict[str, Change] = {
    "mirrored": lambda gray, rng: gray[:, ::-1],
    "gain 1.3": lambda gray, rng: _brighter(gray, 1.3),
    "gain 0.7": lambda gray, rng: _brighter(gray, 0.7),
    "gamma 0.7": lambda gray, rng: np.asarray(255 * (gray / 255) ** 0.7, np.uint8),
    "gamma 1.4": lambda gray, rng: np.asarray(255 * (gray / 255) ** 1.4, np.uint8),
    "cropped": _cropped,
    "half the size": lambda gray, rng: _scaled(gray, 0.5),
    "twice the size": lambda gray, rng: _scaled(gray, 2.0),
    "JPEG, quality 50": lambda gray, rng: _jpeg(gray),
    "blurred (sigma 1.5 px)": lambda gray, rng: np.asarray(cv2.GaussianBlur(gray, (0, 0), 1.5), np.uint8),
}
