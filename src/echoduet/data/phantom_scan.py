"""One phantom: draw a breast, let a lesion grow in it, and scan it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from echoduet.data.phantom_lesions import Lesion, draw_lesion, grow, push
from echoduet.data.phantom_structures import add_structures
from echoduet.data.phantom_tissue import Fabric, bend, draw_anatomy, lay_tissue
from echoduet.data.speckle import Field, Grid, detect, draw_probe
from echoduet.records import GrayImage, Label, Mask

WORKING_WIDTH = 384
"""Columns simulated at least, so that speckle in a small picture is that of a shrunken large one."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A simulated picture, `(H, W)`, and one mask a lesion, `(H, W)` each; none for a normal."""

    image: GrayImage
    masks: tuple[Mask, ...]

    @property
    def mask(self) -> Mask:
        """All lesions in one mask, `(H, W)`."""
        union = np.zeros(self.image.shape, dtype=np.bool_)
        for mask in self.masks:
            union |= mask
        return union


def scan_phantom(label: Label, rng: np.random.Generator, size: int | None = None) -> Scan:
    """Return a phantom with a mask for each lesion; one benign phantom in sixteen has two.

    Args:
        label: what it shows.
        rng: where all of it comes from.
        size: width in pixels; the height is 0.66 to 1 of it. None draws a width as in BUSI, 350 to 700.
    """
    width = size or _draw_width(rng)
    grid = _draw_grid(max(width, WORKING_WIDTH), rng)
    anatomy = draw_anatomy(grid, rng)
    lesions = _draw_lesions(label, grid, anatomy.skin + 1.0, rng)
    fabric = Fabric(grid, _displacement(grid, lesions, rng), rng)
    tissue = lay_tissue(fabric, anatomy)
    add_structures(tissue, fabric, anatomy, count=int(rng.integers(0, 5)))
    masks = tuple(grow(tissue, lesion, rng) for lesion in lesions)
    image = detect(tissue, draw_probe(grid.width_mm, rng), rng)
    image[_outside_the_beam(grid, np.any(masks, axis=0) if masks else None, rng)] = 0
    return _shrink(Scan(image, masks), width)


def _draw_width(rng: np.random.Generator) -> int:
    # Most of BUSI is about 560 pixels wide; the rest are crops and other settings.
    return int(rng.integers(545, 576)) if rng.random() < 0.55 else int(rng.integers(350, 701))


def _draw_grid(width: int, rng: np.random.Generator) -> Grid:
    width_mm = rng.uniform(28.0, 48.0) if rng.random() < 0.85 else rng.uniform(18.0, 28.0)
    return Grid(height=round(width * rng.uniform(0.66, 1.0)), width=width, pitch=width_mm / width)


def _draw_lesions(label: Label, grid: Grid, top: float, rng: np.random.Generator) -> list[Lesion]:
    if label is Label.NORMAL:
        return []
    lesions = [draw_lesion(label, grid, top, rng)]
    if label is Label.BENIGN and rng.random() < 1 / 16:
        lesions.append(_beside(lesions[0], draw_lesion(label, grid, top, rng), grid))
    return lesions


def _beside(first: Lesion, second: Lesion, grid: Grid) -> Lesion:
    """Shrink the second lesion and move it to the free side of the first."""
    left = first.outline.x > grid.width_mm / 2
    edge = first.outline.x - 1.4 * first.outline.across if left else first.outline.x + 1.4 * first.outline.across
    room = edge if left else grid.width_mm - edge
    across = min(second.outline.across, 0.35 * max(room, 3.0))
    down = across * second.outline.down / second.outline.across
    outline = replace(second.outline, x=edge / 2 if left else (edge + grid.width_mm) / 2, across=across, down=down)
    return replace(second, outline=outline)


def _displacement(grid: Grid, lesions: list[Lesion], rng: np.random.Generator) -> Field:
    displacement = bend(grid, rng)
    for lesion in lesions:
        displacement = displacement + push(lesion.outline, grid, rng.uniform(0.0, 0.6))
    return displacement


def _outside_the_beam(grid: Grid, lesion: Mask | None, rng: np.random.Generator) -> Mask:
    """Return the corners that a trapezoid view leaves black, in one picture of ten, and never over a lesion."""
    outside = np.zeros(grid.shape, dtype=np.bool_)
    slope, side = rng.uniform(0.3, 0.6), rng.integers(0, 3)
    reach = rng.uniform(0.04, 0.12) * grid.width_mm - slope * grid.z
    if rng.random() < 0.1:
        if side != 0:
            outside |= grid.x < reach
        if side != 1:
            outside |= grid.width_mm - grid.x < reach
    return outside if lesion is None else outside & ~lesion


def _shrink(scan: Scan, width: int) -> Scan:
    """Bring a scan to its final width by averaging."""
    height, simulated = scan.image.shape
    if simulated == width:
        return scan
    size = (width, round(height * width / simulated))
    image = Image.fromarray(scan.image).resize(size, Image.Resampling.BOX)
    masks = tuple(
        np.asarray(Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(size, Image.Resampling.BOX)) > 127
        for mask in scan.masks
    )
    return Scan(np.array(image), masks)
