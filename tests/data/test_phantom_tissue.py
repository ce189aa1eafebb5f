"""The layers: which is brighter, where they end, and that textures follow them when they bend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.phantom_tissue import Anatomy, Fabric, bend, draw_anatomy, lay_tissue, step
from echoduet.data.speckle import Grid

GRID = Grid(height=300, width=400, pitch=0.1)
ANATOMY = Anatomy(
    skin=1.5,
    fat_end=8.0,
    gland_end=18.0,
    muscle_end=25.0,
    fat_echo=0.0,
    gland_echo=8.0,
    muscle_echo=-8.0,
    septa=1.0,
)


def flat(rng, grid=GRID):
    """Return a fabric that is not bent."""
    return Fabric(grid, np.zeros(grid.shape, dtype=np.float32), rng)


@given(st.integers(0, 2**32 - 1))
def test_layers_come_in_their_order(seed):
    anatomy = draw_anatomy(GRID, np.random.default_rng(seed))
    assert 0 < anatomy.skin < anatomy.fat_end < anatomy.gland_end < anatomy.muscle_end


def test_gland_is_bright_muscle_dark_and_the_chest_wall_darkest(rng):
    tissue = lay_tissue(flat(rng), ANATOMY)
    depth = GRID.z[:, 0]

    def level(top, bottom):
        return tissue.echo[(depth > top) & (depth < bottom)].mean()

    fat, gland, muscle, wall = level(2.5, 7), level(10, 17), level(19, 24), level(26, 29)
    assert gland > fat + 3
    assert muscle < fat - 3
    assert wall < muscle - 4


def test_skin_begins_with_a_bright_line(rng):
    tissue = lay_tissue(flat(rng), ANATOMY)
    assert tissue.specular[0].mean() > 10 * tissue.specular[30:60].mean()


def test_reflectors_only_add_and_losses_stay_finite(rng):
    tissue = lay_tissue(flat(rng), ANATOMY)
    assert (tissue.specular >= 0).all()
    assert np.isfinite(tissue.echo).all()
    assert np.isfinite(tissue.loss).all()
    assert (tissue.loss >= 0).all()


def test_bending_spares_the_skin(rng):
    displacement = bend(GRID, rng)
    assert (displacement[0] == 0).all()
    assert np.abs(displacement[:5]).max() < 0.1
    assert np.abs(displacement[150:]).max() > 0.3


def test_a_fabric_moves_its_texture_by_the_displacement(rng):
    moved = Fabric(GRID, np.full(GRID.shape, 1.0, dtype=np.float32), np.random.default_rng(1))
    texture = moved.noise(2.0, 2.0)
    still = Fabric(GRID, np.full(GRID.shape, 0.0, dtype=np.float32), np.random.default_rng(1))
    assert moved.depth == pytest.approx(still.depth - 1.0)
    # The same thread of a woven texture lies 1 mm, that is 10 rows, deeper.
    woven = np.broadcast_to(np.arange(moved._loom.height, dtype=np.float32)[:, None], (moved._loom.height, 400))
    assert (np.diff(moved.read(np.ascontiguousarray(woven)), axis=0) == 1).all()
    assert texture.shape == GRID.shape


def test_layers_follow_the_bend(rng):
    slope = np.broadcast_to(np.linspace(0.0, 5.0, 400, dtype=np.float32), GRID.shape)
    tissue = lay_tissue(Fabric(GRID, slope, rng), ANATOMY)
    row = 205  # 20.5 mm: muscle on the left, still gland on the right, where all lies 5 mm deeper
    assert tissue.echo[row - 10 : row + 10, 350:].mean() > tissue.echo[row - 10 : row + 10, :50].mean() + 5


def test_sheets_are_thin_and_face_the_transducer(rng):
    fabric = flat(rng)
    sheets = fabric.sheets(3.0, 10.0, thickness=0.1)
    assert (sheets >= 0).all()
    assert sheets.max() <= 1
    assert 0.005 < (sheets > 0.3).mean() < 0.15
    # A field that varies across the beam only has vertical sheets: nothing comes back from them.
    vertical = fabric.sheets(1e6, 2.0, thickness=0.1)
    assert vertical.mean() < 0.1 * sheets.mean()


@given(st.floats(-20, 20))
def test_step_is_symmetric(value):
    assert float(step(np.array(value)) + step(np.array(-value))) == pytest.approx(1.0, abs=1e-6)
