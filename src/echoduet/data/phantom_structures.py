"""Normal structures that a network could take for a lesion: fat lobules, ducts, vessels, ribs, ligament shadows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from echoduet.data.phantom_lesions import Outline
from echoduet.data.phantom_tissue import Anatomy, Fabric, step
from echoduet.data.speckle import Tissue

Structure = Callable[[Tissue, Fabric, Anatomy], None]


def add_structures(tissue: Tissue, fabric: Fabric, anatomy: Anatomy, count: int) -> None:
    """Draw `count` structures picked at random into the tissue, in place."""
    choices: tuple[Structure, ...] = (_fat_lobule, _fat_lobule, _fat_lobule, _duct, _vessel, _rib, _ligament)
    for pick in fabric.rng.integers(0, len(choices), count):
        choices[int(pick)](tissue, fabric, anatomy)


def _spot(tissue: Tissue, fabric: Fabric, anatomy: Anatomy, across: float, down: float) -> Outline:
    """Return an even ellipse somewhere between skin and muscle, laid along the bent layers."""
    grid, rng = tissue.grid, fabric.rng
    bottom = min(anatomy.gland_end, 0.8 * grid.depth_mm)
    depth = rng.uniform(anatomy.skin + down + 0.5, max(bottom, anatomy.skin + down + 1.0))
    return Outline(
        x=rng.uniform(0.05, 0.95) * grid.width_mm,
        z=depth,
        across=across,
        down=down,
        tilt=rng.normal(0.0, 0.2),
        radius=np.ones(720, dtype=np.float32),
    )


def _fat_lobule(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    """A lens of fat in the gland: as dark as many lesions, but with pointed ends, septa, and no effect behind it."""
    rng = fabric.rng
    across = rng.uniform(2.5, 8.0)
    lens = _spot(tissue, fabric, anatomy, across, across * rng.uniform(0.25, 0.5))
    u, v = lens.local(tissue.grid)
    distance = (np.abs(v) - np.clip(1.0 - np.abs(u) ** 1.6, -1.0, 1.0)) * np.float32(lens.down)
    distance = distance + fabric.noise(1.5, 3.0) * np.float32(0.25)
    inside = step(-distance / 0.2)
    level = anatomy.fat_echo + rng.uniform(-5.0, 0.0)
    tissue.echo += inside * (level + fabric.noise(0.6, 2.5) - tissue.echo)
    tissue.specular *= 1.0 - 0.8 * inside
    rim = np.exp(-((distance / 0.13) ** 2)) * step(fabric.noise(3.0, 3.0) * 2.0)
    tissue.specular += (rim * rng.uniform(1.0, 6.0) + inside * fabric.sheets(1.5, 8.0, 0.08) * 3.0).astype(np.float32)


def _duct(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    """A dark tube that winds along the layers, widening and narrowing, with thin bright walls."""
    rng = fabric.rng
    spot = _spot(tissue, fabric, anatomy, rng.uniform(4.0, 12.0), 3.0)
    u, _ = spot.local(tissue.grid)
    course = spot.z + rng.normal(0.0, 0.25) * (tissue.grid.x - spot.x) + 0.8 * fabric.noise(12.0, 5.0)
    calibre = rng.uniform(0.2, 0.6) * (1.0 + 0.3 * fabric.noise(10.0, 3.0)) * np.clip(1.2 - u * u, 0.0, 1.0)
    distance = np.abs(fabric.depth - course) - calibre
    reach = np.abs(u) < 1.0
    inside = step(-distance / 0.12) * reach
    tissue.echo += inside * (rng.uniform(-18.0, -6.0) - tissue.echo)
    tissue.specular *= 1.0 - inside
    tissue.specular += np.exp(-((distance / 0.12) ** 2)) * reach * np.float32(rng.uniform(0.5, 3.0))


def _vessel(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    """A vessel cut across: small, round, empty, with bright front and back walls and a little enhancement."""
    rng = fabric.rng
    radius = rng.uniform(0.5, 1.3)
    spot = _spot(tissue, fabric, anatomy, radius * rng.uniform(1.0, 1.5), radius)
    distance = spot.distance(tissue.grid)
    inside = step(-distance / 0.1)
    _, v = spot.local(tissue.grid)
    tissue.echo += inside * (rng.uniform(-26.0, -14.0) - tissue.echo)
    tissue.specular *= 1.0 - inside
    walls = np.exp(-(((distance - 0.15) / 0.14) ** 2)) * np.clip(np.abs(v), 0.0, 1.0) ** 2
    tissue.specular += walls * np.float32(rng.uniform(2.0, 8.0))
    tissue.loss -= inside * np.float32(rng.uniform(0.3, 1.2))


def _rib(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    """A rib under the muscle: a bright arc, and darkness behind it."""
    rng, grid = fabric.rng, tissue.grid
    depth = max(anatomy.gland_end + 1.5, rng.uniform(0.55, 0.9) * grid.depth_mm)
    half = rng.uniform(4.0, 9.0)
    off = (grid.x - rng.uniform(0.0, 1.0) * grid.width_mm) / half
    below = fabric.depth - depth - half * 0.6 * off * off
    bone = step(below / 0.2)
    tissue.echo -= bone * np.float32(12.0)
    tissue.loss += bone * np.float32(rng.uniform(1.0, 4.0))
    tissue.specular += np.exp(-((below / 0.2) ** 2)) * step(fabric.noise(20.0, 4.0)) * np.float32(rng.uniform(3.0, 9.0))


def _ligament(tissue: Tissue, fabric: Fabric, anatomy: Anatomy) -> None:
    """A steep ligament: hardly seen itself, but sound is refracted away and leaves a narrow shadow without a mass."""
    rng, grid = fabric.rng, tissue.grid
    start = rng.uniform(anatomy.skin, max(0.5 * grid.depth_mm, anatomy.skin + 1.0))
    lean = rng.normal(0.0, 0.3)
    line = (grid.x - rng.uniform(0.1, 0.9) * grid.width_mm) - lean * (grid.z - start)
    course = step((grid.z - start) / 0.8) * step((start + 5.0 - grid.z) / 2.0)
    tissue.loss += course * np.exp(-((line / rng.uniform(0.5, 1.8)) ** 2)) * np.float32(rng.uniform(0.8, 3.5))
