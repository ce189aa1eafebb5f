"""What is done to scans between one archive and the next: seeded, with what became of every point known.

Each tamper takes an image and a generator and returns a `Tampered`: the picture, where the original's points went, and
how much of the original is still seen. `neighbour` makes another frame of the same view, which is no copy.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.curation.relations import Relation
from echoduet.data.overlays import Overlay, burn_in
from echoduet.records import GrayImage

LATTICE = 48
"""Points a side of the lattice by which the share of the original still seen is counted."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tampered:
    """A copy and how it came about.

    Attributes:
        image: the copy, `(H, W)`.
        placed: where a pixel `(x, y, 1)` of the original lies in the copy, `(3, 3)`; pixel centres are whole numbers.
        points: the original's lattice points still seen, in pixels of the copy, `(N, 2)`.
        relation: what copy and original have in common.
        steps: the names of what was done, in order.
    """

    image: GrayImage
    placed: Matrix
    points: Matrix
    relation: Relation = Relation.SAME_SCAN
    steps: tuple[str, ...] = ()

    @property
    def overlap(self) -> float:
        """The share of the original that is still seen, 0-1."""
        return len(self.points) / LATTICE**2

    @property
    def matrix(self) -> Matrix:
        """The affine matrix `(2, 3)` that lays the copy over the original, as a pair's `Transform.matrix`."""
        return np.asarray(np.linalg.inv(self.placed)[:2])


Step = Callable[[Tampered, np.random.Generator], Tampered]
Tamper = Callable[[GrayImage, np.random.Generator], Tampered]


def untouched(image: GrayImage) -> Tampered:
    """Return the image as a copy of itself, to the pixel."""
    height, width = image.shape
    x, y = ((np.arange(LATTICE) + 0.5) / LATTICE * side - 0.5 for side in (width, height))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return Tampered(image.copy(), np.eye(3), points, Relation.COPY)


def _moved(before: Tampered, image: NDArray[Any], step: Matrix) -> Tampered:
    """Return `before` after a geometric step `(3, 3)`; points that leave the frame are seen no more."""
    points = before.points @ step[:2, :2].T + step[:2, 2]
    height, width = image.shape
    inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(axis=1)
    return replace(
        before, image=np.ascontiguousarray(image, np.uint8), placed=step @ before.placed, points=points[inside]
    )


def _scaled(x: float, y: float) -> Matrix:
    # Edges, not centres, keep their place: the first pixel's left edge lies at -0.5.
    return np.array([[x, 0.0, 0.5 * x - 0.5], [0.0, y, 0.5 * y - 0.5], [0.0, 0.0, 1.0]])


def _shifted(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def flip_left_right(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Swap left and right."""
    step = np.array([[-1.0, 0.0, scan.image.shape[1] - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return _moved(scan, scan.image[:, ::-1], step)


def flip_up_down(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Swap top and bottom."""
    step = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, scan.image.shape[0] - 1.0], [0.0, 0.0, 1.0]])
    return _moved(scan, scan.image[::-1], step)


def crop(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Keep a window of 50-95 % of the area, of any place and nearly any shape."""
    height, width = scan.image.shape
    area = rng.uniform(0.5, 0.95)
    across = rng.uniform(area, 1.0)
    wide, high = round(width * across), round(height * area / across)
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
    return _moved(scan, scan.image[top : top + high, left : left + wide], _shifted(-left, -top))


def _resized(scan: Tampered, width: int, height: int) -> Tampered:
    before = scan.image.shape
    smaller = width * height < before[0] * before[1]
    image = cv2.resize(scan.image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return _moved(scan, image, _scaled(width / before[1], height / before[0]))


def resize(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Bring the whole picture to 0.5-2 times its size."""
    factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
    return _resized(scan, round(scan.image.shape[1] * factor), round(scan.image.shape[0] * factor))


def zoom_in(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Enlarge a window of 50-90 % of the area to the full size: a zoom of 1.05-1.41."""
    height, width = scan.image.shape
    share = float(np.sqrt(rng.uniform(0.5, 0.9)))
    wide, high = round(width * share), round(height * share)
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
    window = _moved(scan, scan.image[top : top + high, left : left + wide], _shifted(-left, -top))
    return _resized(window, width, height)


def zoom_out(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Shrink to 50-95 % of the side and keep the frame; what is free stays black."""
    height, width = scan.image.shape
    share = rng.uniform(0.5, 0.95)
    small = _resized(scan, round(width * share), round(height * share))
    high, wide = small.image.shape
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
    image = np.zeros((height, width), dtype=np.uint8)
    image[top : top + high, left : left + wide] = small.image
    return _moved(small, image, _shifted(left, top))


def rotation(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Turn by 2-15 degrees either way about the centre; the corners become black."""
    height, width = scan.image.shape
    angle = float(rng.uniform(2.0, 15.0) * rng.choice((-1, 1)))
    step = np.vstack([cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0), (0.0, 0.0, 1.0)])
    return _moved(scan, cv2.warpAffine(scan.image, step[:2], (width, height), flags=cv2.INTER_CUBIC), step)


def shift(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Move the content by up to 25 % of each side; what is free becomes black."""
    height, width = scan.image.shape
    dx, dy = (round(float(rng.uniform(-0.25, 0.25)) * side) for side in (width, height))
    step = _shifted(dx, dy)
    return _moved(scan, cv2.warpAffine(scan.image, step[:2], (width, height), flags=cv2.INTER_NEAREST), step)


def padding(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Add a border of up to 25 % of the side at each edge, black or, one time in four, of another gray."""
    height, width = scan.image.shape
    top, bottom, left, right = (int(v) for v in rng.uniform(0.02, 0.25, 4) * (height, height, width, width))
    gray = int(rng.integers(10, 200)) if rng.random() < 0.25 else 0
    image = cv2.copyMakeBorder(scan.image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(gray,))
    return _moved(scan, image, _shifted(left, top))


def gamma(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Bend the gray scale with an exponent of 0.5-2, not near 1."""
    power = float(rng.uniform(1.2, 2.0) ** rng.choice((-1, 1)))
    table = np.rint(255 * (np.arange(256) / 255.0) ** power).astype(np.uint8)
    return replace(scan, image=table[scan.image])


def gain(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Multiply the gray values by 0.6-1.5, not near 1; what is over 255 is cut."""
    factor = float(rng.uniform(0.6, 0.9) if rng.random() < 0.5 else rng.uniform(1.1, 1.5))
    return replace(scan, image=np.rint(np.clip(scan.image * factor, 0, 255)).astype(np.uint8))


def speckle_filter(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Smooth the speckle: a median, a bilateral or a Lee filter."""
    kind = int(rng.integers(3))
    window = 3 if rng.random() < 0.5 else 5
    if kind == 0:
        smooth = cv2.medianBlur(scan.image, window)
    elif kind == 1:
        smooth = cv2.bilateralFilter(scan.image, 7, float(rng.uniform(30, 80)), float(rng.uniform(2, 5)))
    else:
        smooth = _lee(scan.image, window + 2)
    return replace(scan, image=smooth.astype(np.uint8))


def _lee(image: GrayImage, window: int) -> GrayImage:
    """Return the local mean where the variance is that of speckle, the pixel where it is larger (Lee, PAMI 2, 1980)."""
    values = image.astype(np.float32)
    mean, square = cv2.blur(values, (window, window)), cv2.blur(values * values, (window, window))
    variance = np.maximum(square - mean * mean, 0.0)
    noise = float(np.median(variance))
    weight = np.maximum(variance - noise, 0.0) / np.maximum(variance, 1e-6)
    return np.clip(mean + weight * (values - mean), 0, 255).astype(np.uint8)


def jpeg(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Save as JPEG of quality 30."""
    stream = io.BytesIO()
    Image.fromarray(scan.image).save(stream, "JPEG", quality=30)
    return replace(scan, image=np.array(Image.open(stream)))


def calipers(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Measure an ellipse anywhere in the picture: crosses, mostly with dotted lines between."""
    height, width = scan.image.shape
    mask = np.zeros((height, width), dtype=np.uint8)
    centre = tuple(int(v) for v in rng.uniform(0.3, 0.7, 2) * (width, height))
    axes = tuple(int(v) for v in rng.uniform(0.06, 0.22, 2) * min(width, height) + 2)
    cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, (1,), -1)
    return replace(scan, image=burn_in(scan.image, mask.astype(np.bool_), Overlay(calipers=True), rng))


def text(scan: Tampered, rng: np.random.Generator) -> Tampered:
    """Write a place on the breast into the picture, at times with a logo and a body mark."""
    nothing = np.zeros(scan.image.shape, dtype=np.bool_)
    return replace(scan, image=burn_in(scan.image, nothing, Overlay(text=True), rng))


STEPS: dict[str, Step] = {
    "flip left-right": flip_left_right,
    "flip up-down": flip_up_down,
    "crop": crop,
    "resize": resize,
    "zoom in": zoom_in,
    "zoom out": zoom_out,
    "rotation": rotation,
    "shift": shift,
    "padding": padding,
    "gamma": gamma,
    "gain": gain,
    "speckle filter": speckle_filter,
    "JPEG": jpeg,
    "calipers": calipers,
    "text": text,
}
"""Every single way to tamper, one step each."""

COMBINATION = "three at once"


def tampered(image: GrayImage, rng: np.random.Generator, steps: tuple[str, ...]) -> Tampered:
    """Return the image after `steps`, names of `STEPS`, one after the other."""
    scan = untouched(image)
    for name in steps:
        scan = STEPS[name](scan, rng)
    return replace(scan, relation=Relation.SAME_SCAN if steps else Relation.COPY, steps=steps)


def combination(image: GrayImage, rng: np.random.Generator) -> Tampered:
    """Return the image after three different steps drawn at random."""
    return tampered(image, rng, tuple(str(name) for name in rng.choice(list(STEPS), 3, replace=False)))


TAMPERS: dict[str, Tamper] = {
    "exact": partial(tampered, steps=()),
    **{name: partial(tampered, steps=(name,)) for name in STEPS},
    COMBINATION: combination,
}
"""Every tamper by name: none at all, each single step, and three at once."""


def neighbour(image: GrayImage, rng: np.random.Generator) -> Tampered:
    """Return another frame of the same view, as a slight movement of the probe would give it.

    The tissue moves smoothly by 2-4 % of the width (the root mean square over the picture), and half to four fifths of
    the speckle's amplitude are drawn anew: speckle changes long before the anatomy does.
    """
    size = image.shape
    width = size[1]
    moves = [_smooth_noise(size, 0.2 * width, rng) for _ in range(2)]
    reach = rng.uniform(0.02, 0.04) * width / float(np.sqrt(np.mean(moves[0] ** 2 + moves[1] ** 2)))
    rows, columns = np.indices(size, dtype=np.float32)
    places = (columns + reach * moves[0], rows + reach * moves[1])
    moved = cv2.remap(image, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    tissue = cv2.GaussianBlur(moved, (0, 0), max(1.5, width / 160))
    speckle = moved - tissue
    spread = np.sqrt(cv2.GaussianBlur(speckle * speckle, (0, 0), max(3.0, width / 60)))
    fresh = _smooth_noise(size, max(0.7, width / 450), rng) * spread
    share = float(rng.uniform(0.5, 0.8))
    picture = np.clip(tissue + np.sqrt(1 - share**2) * speckle + share * fresh, 0, 255)
    return replace(untouched(np.rint(picture).astype(np.uint8)), relation=Relation.SAME_SCENE, steps=("neighbour",))


def _smooth_noise(size: tuple[int, ...], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return Gaussian noise `(H, W)` of unit spread, smooth over `sigma` pixels."""
    # Drawn on a coarse grid where it is smooth: a wide blur at full size would take longer than all the rest.
    shrink = max(1.0, sigma / 4)
    small = (max(4, round(size[0] / shrink)), max(4, round(size[1] / shrink)))
    noise = cv2.GaussianBlur(rng.standard_normal(small).astype(np.float32), (0, 0), sigma / shrink)
    noise = cv2.resize(noise, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise / max(float(noise.std()), 1e-6), dtype=np.float32)
