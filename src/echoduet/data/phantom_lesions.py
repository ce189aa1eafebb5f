"""The phantom's lesions: smooth oval benign ones with enhancement, spiculated taller malignant ones with shadow."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, label

from echoduet.data.phantom_tissue import step
from echoduet.data.speckle import Field, Grid, Tissue, smooth_noise
from echoduet.records import Label, Mask

ANGLES = 720


@dataclass(frozen=True, slots=True)
class Outline:
    """A star-shaped outline: an ellipse whose radius varies with the angle.

    Attributes:
        x, z: centre in mm.
        across, down: semi-axes in mm, lateral and axial before tilting.
        tilt: radians.
        radius: factor on the ellipse's radius at `ANGLES` equally spaced angles from -pi.
    """

    x: float
    z: float
    across: float
    down: float
    tilt: float
    radius: NDArray[np.float32]

    def distance(self, grid: Grid) -> Field:
        """Return the signed distance to the outline in mm, roughly, `(H, W)`; negative inside."""
        u, v = self.local(grid)
        reach = np.hypot(u, v)
        turn = (np.arctan2(v, u) + np.float32(pi)) * np.float32(ANGLES / (2 * pi))
        radius = self.radius[turn.astype(np.intp) % ANGLES]
        # Millimetres per semi-axis in this direction; the shorter one at the very centre, which has no direction.
        tiny = np.float32(1e-3)
        scale = (np.hypot(u * self.across, v * self.down) + tiny * min(self.across, self.down)) / (reach + tiny)
        return np.asarray((reach - radius) * scale, dtype=np.float32)

    def local(self, grid: Grid) -> tuple[Field, Field]:
        """Return the coordinates of each pixel in semi-axes, `(H, W)` each."""
        dx, dz = grid.x - np.float32(self.x), grid.z - np.float32(self.z)
        cos, sin = np.float32(np.cos(self.tilt)), np.float32(np.sin(self.tilt))
        u = (dx * cos + dz * sin) / np.float32(self.across)
        v = (dz * cos - dx * sin) / np.float32(self.down)
        return np.asarray(u, dtype=np.float32), np.asarray(v, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Lesion:
    """How a lesion looks.

    Attributes:
        outline: its border.
        contrast: echo in dB relative to the tissue around.
        edge: width of the margin in mm.
        roughness: how far the border strays from the outline, mm.
        texture: unevenness inside, dB.
        capsule: amplitude of the thin bright line around it, 0 for none.
        halo: echo of the rind around it, dB.
        through: decibels lost on the way through it; negative is posterior enhancement.
        calcifications: number of bright specks inside.
    """

    outline: Outline
    contrast: float
    edge: float
    roughness: float
    texture: float
    capsule: float
    halo: float
    through: float
    calcifications: int


def draw_lesion(kind: Label, grid: Grid, top: float, rng: np.random.Generator) -> Lesion:
    """Draw a benign or malignant lesion that lies deeper than `top` mm and leaves room below itself."""
    return _malignant(grid, top, rng) if kind is Label.MALIGNANT else _benign(grid, top, rng)


def _benign(grid: Grid, top: float, rng: np.random.Generator) -> Lesion:
    aspect = rng.uniform(0.38, 0.85)
    share = np.exp(rng.uniform(np.log(0.008), np.log(0.13)))
    radius = _wavy(rng, {2: 0.05, 3: 0.05, 4: 0.025, 5: 0.015})
    outline = _place(grid, top, share, aspect, rng.normal(0.0, 0.15), radius, rng)
    kind = rng.uniform()
    if kind < 0.25:  # a cyst: no echo, sound passes freely
        contrast, texture, through = rng.uniform(-30, -16), 1.5, rng.uniform(-11, -5)
    elif kind < 0.80:
        contrast, texture, through = rng.uniform(-16, -6), rng.uniform(0.8, 2.0), rng.uniform(-9, -2)
    else:  # almost as bright as its surroundings: the capsule tells
        contrast, texture, through = rng.uniform(-5, -2), rng.uniform(0.8, 1.5), rng.uniform(-6, -1)
    return Lesion(
        outline=outline,
        contrast=contrast,
        edge=rng.uniform(0.08, 0.22),
        roughness=rng.uniform(0.0, 0.12),
        texture=texture,
        capsule=rng.uniform(2.0, 9.0),
        halo=0.0,
        through=through,
        calcifications=0,
    )


def _malignant(grid: Grid, top: float, rng: np.random.Generator) -> Lesion:
    aspect = rng.uniform(0.9, 1.6) if rng.uniform() < 0.85 else rng.uniform(0.65, 0.9)
    share = np.exp(rng.uniform(np.log(0.025), np.log(0.22)))
    radius = _wavy(rng, {2: 0.10, 3: 0.09, 4: 0.07, 5: 0.05, 7: 0.05, 9: 0.04, 13: 0.03}) * _spicules(rng)
    outline = _place(grid, top, share, aspect, rng.normal(0.0, 0.3), radius, rng)
    return Lesion(
        outline=outline,
        contrast=rng.uniform(-12, -5) if rng.uniform() < 0.8 else rng.uniform(-4.5, -1),
        edge=rng.uniform(0.3, 1.0),
        roughness=rng.uniform(0.2, 0.5),
        texture=rng.uniform(1.5, 4.0),
        capsule=0.0,
        halo=rng.uniform(0.0, 5.0),
        through=rng.uniform(5, 18) if rng.uniform() < 0.85 else rng.uniform(-2, 3),
        calcifications=int(rng.integers(0, 9)) if rng.uniform() < 0.4 else 0,
    )


def _wavy(rng: np.random.Generator, amplitudes: dict[int, float]) -> NDArray[np.float32]:
    angle = np.linspace(-pi, pi, ANGLES, endpoint=False)
    waves = [rng.normal(0.0, a) * np.cos(k * angle + rng.uniform(-pi, pi)) for k, a in amplitudes.items()]
    return np.asarray(np.clip(1.0 + np.sum(waves, axis=0), 0.55, 1.6), dtype=np.float32)


def _spicules(rng: np.random.Generator) -> NDArray[np.float32]:
    angle = np.linspace(-pi, pi, ANGLES, endpoint=False)
    radius = np.ones(ANGLES)
    for _ in range(int(rng.integers(3, 9))):
        gap = np.abs((angle - rng.uniform(-pi, pi) + pi) % (2 * pi) - pi)
        radius += rng.uniform(0.05, 0.4) * np.exp(-gap / rng.uniform(0.08, 0.25))
    return np.asarray(np.clip(radius, 1.0, 1.7), dtype=np.float32)


def _place(
    grid: Grid,
    top: float,
    share: float,
    aspect: float,
    tilt: float,
    radius: NDArray[np.float32],
    rng: np.random.Generator,
) -> Outline:
    """Size an outline to `share` of the image's area and find it a place where it fits."""
    free = 0.82 * grid.depth_mm - top
    across = sqrt(share * grid.depth_mm * grid.width_mm / (pi * aspect))
    across = max(1.2, min(across, 0.38 * free / aspect, 0.36 * grid.width_mm))
    down = across * aspect
    z = top + 1.1 * down + (free - 2.2 * down) * rng.beta(1.3, 2.2)
    margin = min(1.4 * across, 0.45 * grid.width_mm)
    x = rng.uniform(margin, grid.width_mm - margin)
    return Outline(x=x, z=z, across=across, down=down, tilt=tilt, radius=radius)


def push(outline: Outline, grid: Grid, strength: float) -> Field:
    """Return by how many mm a growing mass pushes tissue down (below it) or up (above it), `(H, W)`."""
    u, v = outline.local(grid)
    near = np.exp(-(u * u + v * v) / np.float32(3.0))
    return np.asarray((grid.z - np.float32(outline.z)) * near * np.float32(strength), dtype=np.float32)


def grow(tissue: Tissue, lesion: Lesion, rng: np.random.Generator) -> Mask:
    """Put the lesion into the tissue, in place, and return its mask, `(H, W)`."""
    grid = tissue.grid
    distance = lesion.outline.distance(grid)
    if lesion.roughness:
        near = np.clip(1.0 - np.abs(distance) / 3.0, 0.0, 1.0)
        distance += smooth_noise(grid, rng, 0.9, 0.9) * near * np.float32(lesion.roughness)
    inside = step(-distance / np.float32(lesion.edge))
    reference = _level_around(tissue, distance)
    _surround(tissue, lesion, distance, rng)
    texture = smooth_noise(grid, rng, 1.0, 1.5) * np.float32(lesion.texture)
    tissue.echo += inside * (np.float32(reference + lesion.contrast) + texture - tissue.echo)
    tissue.specular *= 1.0 - inside
    _sprinkle(tissue, lesion, distance, rng)
    tissue.loss += inside * np.float32(lesion.through / (2.0 * lesion.outline.down))
    return solid(distance < 0)


def _level_around(tissue: Tissue, distance: Field) -> float:
    ring = (distance > 0.3) & (distance < 3.0)
    return float(tissue.echo[ring].mean()) if ring.any() else 0.0


def _surround(tissue: Tissue, lesion: Lesion, distance: Field, rng: np.random.Generator) -> None:
    """Draw capsule with its edge shadows, or halo."""
    outline, grid = lesion.outline, tissue.grid
    u, v = outline.local(grid)
    facing = v * v / (u * u + v * v + np.float32(1e-3))
    if lesion.capsule:
        line = np.exp(-(((distance - 0.15) / 0.13) ** 2)) * (0.15 + facing)
        patchy = step(smooth_noise(grid, rng, 3.0, 3.0) * 1.5 + 0.8)
        tissue.specular += line * patchy * np.float32(lesion.capsule)
        # Sound that grazes the side of a smooth mass is refracted away: a thin shadow under each flank.
        flank = np.exp(-((distance / 0.5) ** 2)) * (1.0 - facing) ** 4
        tissue.loss += flank * np.float32(rng.uniform(0.0, 3.0))
    if lesion.halo:
        rind = np.exp(-np.clip(distance, 0.0, None) / 1.2) * (distance > 0)
        rays = np.cos(np.arctan2(v, u) * np.float32(rng.integers(9, 23)) + 2.0 * smooth_noise(grid, rng, 4.0, 4.0))
        tissue.echo += rind * (1.0 + 0.8 * rays) * np.float32(lesion.halo)


def _sprinkle(tissue: Tissue, lesion: Lesion, distance: Field, rng: np.random.Generator) -> None:
    grid = tissue.grid
    rows, columns = np.nonzero(distance < -0.5)
    if not len(rows):
        return
    for pick in rng.integers(0, len(rows), lesion.calcifications):
        speck = np.hypot(grid.z - rows[pick] * grid.pitch, grid.x - columns[pick] * grid.pitch)
        tissue.specular += np.exp(-((speck / 0.18) ** 2)) * np.float32(rng.uniform(4.0, 14.0))


def solid(mask: Mask) -> Mask:
    """Return the largest connected part of a mask without its holes."""
    parts, count = label(mask)
    if count > 1:
        mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return np.asarray(binary_fill_holes(mask), dtype=np.bool_)
