"""What a sonographer leaves burnt into a picture: calipers, annotations, a body mark, the scanner's logo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from echoduet.records import GrayImage, Mask

INK = 225
"""Gray value of lines and letters."""

_PLACES = ("RT BREAST", "LT BREAST", "RIGHT BREAST", "LEFT BREAST", "LT AXILLA", "RETROAREOLAR", "AX TAIL", "UOQ")
_CLOCK = ("R {h} O'CLOCK", "L {h} O'CLOCK", "RT {h}:00 {n} CM FN", "LT {h}:00 {n} CM FN")


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is burnt into a picture."""

    calipers: bool = False
    text: bool = False


def draw_overlay(rng: np.random.Generator, calipers: float = 0.3, text: float = 0.35) -> Overlay:
    """Draw whether a picture carries calipers and text, with the given probabilities."""
    return Overlay(calipers=bool(rng.random() < calipers), text=bool(rng.random() < text))


def burn_in(image: GrayImage, mask: Mask, overlay: Overlay, rng: np.random.Generator) -> GrayImage:
    """Return a copy of the picture, `(H, W)`, with the overlay; calipers span the mask, if it is not empty."""
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    if overlay.calipers:
        _measure(pen, mask, rng)
    if overlay.text:
        _annotate(pen, picture.size, rng)
    return np.array(picture)


def diameters(mask: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the end points `(x, y)` of the longest diameter and of the widest one square to it, `(2, 2)` each."""
    rows, columns = np.nonzero(mask)
    points = np.stack([columns, rows], axis=1).astype(np.float64)
    angles = np.linspace(0.0, np.pi, 36, endpoint=False)
    reach = points @ np.stack([np.cos(angles), np.sin(angles)])
    long = int(np.argmax(np.ptp(reach, axis=0)))
    axes = (long, (long + 18) % 36)
    first, second = (points[[int(np.argmin(reach[:, a])), int(np.argmax(reach[:, a]))]] for a in axes)
    return first, second


def _measure(pen: ImageDraw.ImageDraw, mask: Mask, rng: np.random.Generator) -> None:
    spans = diameters(mask) if mask.any() else (_anywhere(mask.shape, rng),)
    arm = max(2.0, 0.011 * mask.shape[1])
    dotted = rng.random() < 0.7
    for number, (start, end) in enumerate(spans[: 1 if rng.random() < 0.25 else 2], start=1):
        if dotted:
            _dots(pen, start, end, gap=max(3.0, 0.012 * mask.shape[1]))
        for x, y in (start, end):
            pen.line([(x - arm, y), (x + arm, y)], fill=INK)
            pen.line([(x, y - arm), (x, y + arm)], fill=INK)
        if mask.shape[1] >= 200:
            pen.text((start[0] - 2.5 * arm, start[1] + arm), str(number), fill=INK, font=_font(mask.shape[1]))


def _anywhere(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    height, width = shape
    start = rng.uniform((0.2 * width, 0.2 * height), (0.6 * width, 0.5 * height))
    return np.stack([start, start + rng.uniform(0.05, 0.25, 2) * width])


def _dots(pen: ImageDraw.ImageDraw, start: NDArray[np.float64], end: NDArray[np.float64], gap: float) -> None:
    count = max(2, int(np.hypot(*(end - start)) / gap))
    for share in np.linspace(0.0, 1.0, count):
        x, y = start + share * (end - start)
        pen.point((round(x), round(y)), fill=INK)


def _annotate(pen: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    width, height = size
    words = str(rng.choice((*_PLACES, *_CLOCK))).format(h=rng.integers(1, 13), n=rng.integers(1, 9))
    x, y = rng.uniform(0.02, 0.45) * width, float(rng.choice((0.04, 0.88))) * height
    pen.text((x, y), words, fill=INK, font=_font(width))
    if rng.random() < 0.6:
        _logo(pen, width)
    if rng.random() < 0.4:
        _body_mark(pen, width, height, rng)


def _logo(pen: ImageDraw.ImageDraw, width: int) -> None:
    side = max(5, width // 45)
    pen.rectangle((0, 0, side, side), fill=0, outline=INK)
    pen.ellipse((side * 0.3, side * 0.3, side * 0.7, side * 0.7), outline=INK)


def _body_mark(pen: ImageDraw.ImageDraw, width: int, height: int, rng: np.random.Generator) -> None:
    radius = 0.045 * width
    x, y = float(rng.choice((0.08, 0.9))) * width, height - 1.6 * radius
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=INK)
    pen.line([(x - radius, y), (x + radius, y)], fill=INK)
    pen.line([(x, y - radius), (x, y + radius)], fill=INK)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    tip = (x + 0.6 * radius * np.cos(angle), y + 0.6 * radius * np.sin(angle))
    pen.ellipse((tip[0] - 2, tip[1] - 2, tip[0] + 2, tip[1] + 2), fill=INK)


def _font(width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(8, width // 38))
