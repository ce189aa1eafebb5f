"""The phantom's breast: skin, fat lobules, gland, muscle, and the structures that look like lesions but are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.data.speckle import Field, Grid, Tissue, smooth_noise


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Where the layers lie and how bright they are; depths in mm of the unbent tissue, echoes in dB."""

    skin: float
    fat_end: float
    gland_end: float
    muscle_end: float
    fat_echo: float
    gland_echo: float
    muscle_echo: float
    septa: float


def draw_anatomy(grid: Grid, rng: np.random.Generator) -> Anatomy:
    """Draw the layers for a grid of this depth."""
    depth = grid.depth_mm
    skin = rng.uniform(0.8, 2.0)
    fat_end = skin + depth * rng.uniform(0.06, 0.34)
    gland_end = fat_end + depth * rng.uniform(0.25, 0.50)
    return Anatomy(
        skin=skin,
        fat_end=fat_end,
        gland_end=gland_end,
        muscle_end=max(gland_end + depth * rng.uniform(0.12, 0.35), depth * rng.uniform(0.75, 1.3)),
        fat_echo=rng.uniform(-2.0, 2.0),
        gland_echo=rng.uniform(1.0, 9.0),
        muscle_echo=rng.uniform(-9.0, -2.0),
        septa=rng.uniform(0.6, 2.2),
    )


def bend(grid: Grid, rng: np.random.Generator) -> Field:
    """Return by how many mm each point was moved down from its place in unbent tissue, `(H, W)`; 0 at the skin."""
    slow = smooth_noise(grid, rng, axial=15.0, lateral=rng.uniform(14.0, 30.0)) * rng.uniform(0.3, 1.3)
    quick = smooth_noise(grid, rng, axial=5.0, lateral=rng.uniform(5.0, 9.0)) * rng.uniform(0.05, 0.3)
    tilt = (grid.x / grid.width_mm - 0.5) * rng.normal(0.0, 3.0)
    return np.asarray((slow + quick + tilt) * np.clip(grid.z / 8.0, 0.0, 1.0) ** 1.5, dtype=np.float32)


class Fabric:
    """Textures woven in unbent tissue and read where the bent tissue lies, so that fibres follow the layers."""

    def __init__(self, grid: Grid, displacement: Field, rng: np.random.Generator) -> None:
        self.grid = grid
        self.rng = rng
        self.depth: Field = np.asarray(grid.z - displacement, dtype=np.float32)
        margin = int(np.ceil(float(np.abs(displacement).max()) / grid.pitch)) + 1
        self._loom = Grid(grid.height + 2 * margin, grid.width, grid.pitch)
        rows = np.clip(np.rint(self.depth / grid.pitch).astype(np.intp) + margin, 0, self._loom.height - 1)
        self._threads: NDArray[np.intp] = rows * grid.width + np.arange(grid.width)

    def read(self, texture: Field) -> Field:
        """Return a texture of unbent tissue as it lies in the bent one, `(H, W)`."""
        return np.asarray(texture.ravel().take(self._threads), dtype=np.float32)

    def noise(self, axial: float, lateral: float) -> Field:
        """Return smooth noise that follows the layers; lengths in mm."""
        return self.read(smooth_noise(self._loom, self.rng, axial, lateral))

    def sheets(self, axial: float, lateral: float, thickness: float) -> Field:
        """Return thin sheets between lobules of the given size, 0 to 1; all lengths in mm.

        The sheets are the zero level of smooth noise. A sheet reflects as far as it faces the transducer.
        """
        noise = smooth_noise(self._loom, self.rng, axial, lateral)
        down, across = np.gradient(noise, self.grid.pitch)
        steepness = down * down + across * across
        # A saddle of the noise would be a blob instead of a sheet: there the steepness is not believed.
        steepness += np.float32(0.3) * steepness.mean()
        sheet = np.exp(-(noise * noise) / (steepness * np.float32(thickness**2))) * (down * down) / steepness
        return self.read(np.asarray(sheet, dtype=np.float32))


def step(value: NDArray[np.floating[Any]]) -> Field:
    """Return a smooth step from 0 (value << 0) to 1 (value >> 0)."""
    return np.asarray(0.5 + 0.5 * np.tanh(value), dtype=np.float32)


def _patchy(noise: Field) -> Field:
    """Return a share, 0 to about 1, that lets a reflector glow here and fade there."""
    return np.asarray(np.clip(0.35 * noise + 0.12, 0.0, 1.2), dtype=np.float32)


def lay_tissue(fabric: Fabric, anatomy: Anatomy) -> Tissue:
    """Fill the grid with skin, fat, gland, muscle and chest wall."""
    shape = fabric.grid.shape
    tissue = Tissue(fabric.grid, *(np.zeros(shape, dtype=np.float32) for _ in range(3)))
    _lay_fat(tissue, fabric, anatomy)
    _lay_gland(tissue, fabric, anatomy)
    _lay_muscle(tissue, fabric, anatomy)
    _lay_skin(tissue, fabric, anatomy)
    _darken(tissue, fabric.rng)
    return tissue


def _lay_fat(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    rng = fabric.rng
    tissue.echo += anatomy.fat_echo + 1.5 * fabric.noise(2.5, 8.0) + 0.8 * fabric.noise(0.5, 2.0)
    for size, strength in ((rng.uniform(2.5, 5.0), 6.0), (1.5, 3.0)):
        septa = fabric.sheets(size, 3.5 * size, 0.09) * _patchy(fabric.noise(2.0, 4.0))
        tissue.specular += septa * np.float32(strength * anatomy.septa)


def _lay_gland(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    rng = fabric.rng
    # The border to the fat is ragged: fingers of one reach into the other.
    ragged = fabric.noise(2.5, 5.0) * rng.uniform(0.3, 1.5)
    gland = step((fabric.depth + ragged - anatomy.fat_end) / 0.3) * step((anatomy.gland_end - fabric.depth) / 0.3)
    streaks = fabric.noise(0.35, 3.0) * rng.uniform(1.5, 3.5) + fabric.noise(1.0, 6.0) * rng.uniform(1.5, 3.5)
    patches = step(fabric.noise(2.5, 6.0) * 3.0 - rng.uniform(1.5, 4.0)) * rng.uniform(4.0, 10.0)
    _cover(tissue, gland, anatomy.gland_echo + streaks - patches)
    for size in (2.0, 1.0):
        fibres = fabric.sheets(size, rng.uniform(4.0, 7.0) * size, 0.10) * _patchy(fabric.noise(1.0, 3.0))
        tissue.specular += gland * fibres * np.float32(7.0 * anatomy.septa)


def _cover(tissue: Tissue, share: Field, echo: Field) -> None:
    """Put a tissue of this echo over what lies there, reflectors included."""
    tissue.echo += share * (echo - tissue.echo)
    tissue.specular *= 1.0 - 0.9 * share


def _lay_muscle(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    muscle = step((fabric.depth - anatomy.gland_end) / 0.3)
    wall = step((fabric.depth - anatomy.muscle_end) / 0.4)
    bundles = fabric.noise(0.4, 6.0) * 2.5 + fabric.noise(1.5, 12.0) * 2.5
    _cover(tissue, muscle, anatomy.muscle_echo + bundles - 8.0 * wall)
    for size in (1.8, 0.9):
        fibres = fabric.sheets(size, 9.0 * size, 0.10) * _patchy(fabric.noise(1.0, 4.0))
        tissue.specular += muscle * (1.0 - wall) * fibres * np.float32(4.0 * anatomy.septa)
    for depth, strength in ((anatomy.gland_end, 4.0), (anatomy.muscle_end, 6.0)):
        strays = fabric.noise(20.0, 4.0) * np.float32(0.25)
        fascia = np.exp(-(((fabric.depth + strays - depth) / 0.12) ** 2)) * step(fabric.noise(20.0, 5.0) * 1.5 - 0.3)
        tissue.specular += fascia * np.float32(strength)


def _lay_skin(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    skin = step((anatomy.skin - fabric.depth) / 0.12)
    _cover(tissue, skin, 4.0 + fabric.noise(0.3, 3.0))
    for depth, strength in ((0.0, 14.0), (anatomy.skin, 8.0)):
        line = np.exp(-(((fabric.depth - depth) / 0.13) ** 2)) * step(fabric.noise(20.0, 5.0) + 0.5)
        tissue.specular += line * np.float32(strength)


def _darken(tissue: Tissue, rng: np.random.Generator) -> None:
    grid = tissue.grid
    focus = rng.uniform(0.3, 0.8) * grid.depth_mm
    tissue.loss += np.clip((grid.z - focus) / 8.0, 0.0, 1.0) * rng.uniform(0.0, 1.2)
    # Dense tissue and steep ligaments leave soft shadows behind them, here and there.
    dense = np.clip(smooth_noise(grid, rng, 4.0, rng.uniform(2.5, 7.0)) - 0.8, 0.0, None) ** 2
    tissue.loss += dense * np.float32(rng.uniform(0.0, 1.2))
    # Poor contact of the transducer darkens whole columns from the surface on.
    contact = smooth_noise(Grid(1, grid.width, grid.pitch), rng, 1.0, rng.uniform(3.0, 9.0))
    weak = np.clip(contact - rng.uniform(0.6, 2.0), 0.0, None) ** 2 * np.float32(rng.uniform(0.3, 2.0))
    tissue.loss += weak * np.exp(-grid.z / 4.0)
    # The gain is uneven over the picture: the operator's sliders, and what lies above.
    tissue.echo += smooth_noise(grid, rng, 14.0, 18.0) * np.float32(rng.uniform(0.5, 2.5))
