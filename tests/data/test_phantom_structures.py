"""Normal structures: each leaves its mark, and none is a lesion."""

from __future__ import annotations

import numpy as np
import pytest

from echoduet.data import phantom_structures
from echoduet.data.phantom_structures import add_structures
from echoduet.data.phantom_tissue import Anatomy, Fabric, lay_tissue
from echoduet.data.speckle import Grid

GRID = Grid(height=300, width=400, pitch=0.1)
ANATOMY = Anatomy(
    skin=1.5, fat_end=8.0, gland_end=18.0, muscle_end=25.0, fat_echo=0.0, gland_echo=8.0, muscle_echo=-8.0, septa=1.0
)


@pytest.fixture
def scene(rng):
    """Tissue with its fabric, before anything is added."""
    fabric = Fabric(GRID, np.zeros(GRID.shape, dtype=np.float32), rng)
    return lay_tissue(fabric, ANATOMY), fabric


def changed(scene, draw):
    """Return by how much echo, reflectors and loss change when a structure is drawn, `(H, W)` each."""
    tissue, fabric = scene
    before = [part.copy() for part in (tissue.echo, tissue.specular, tissue.loss)]
    draw(tissue, fabric, ANATOMY)
    return [after - part for part, after in zip(before, (tissue.echo, tissue.specular, tissue.loss), strict=True)]


def test_a_fat_lobule_is_dark_in_the_gland_and_leaves_the_sound_alone(scene):
    for _ in range(6):
        echo, _, loss = changed(scene, phantom_structures._fat_lobule)
        assert (loss == 0).all()
        assert 0.001 < (np.abs(echo) > 1.0).mean() < 0.3


def test_a_duct_is_a_thin_dark_line(scene):
    echo, _, loss = changed(scene, phantom_structures._duct)
    dark = echo < -5
    assert (loss == 0).all()
    assert dark.any()
    assert np.ptp(np.nonzero(dark)[1]) > 2 * dark.sum(axis=0).max()


def test_a_vessel_is_small_empty_and_lets_sound_pass(scene):
    echo, specular, loss = changed(scene, phantom_structures._vessel)
    assert echo.min() < -8
    assert (echo < -5).sum() * GRID.pitch**2 < 10  # square mm
    assert loss.min() < 0 <= specular.max()


def test_a_rib_hides_what_lies_behind(scene):
    echo, specular, loss = changed(scene, phantom_structures._rib)
    rows, columns = np.unravel_index(specular.argmax(), GRID.shape)
    assert loss[rows + 15 :, columns].min() > 0.5
    assert abs(loss[rows - 15, columns]) < 0.01
    assert echo[-1, columns] == pytest.approx(-12.0, abs=0.1)


def test_a_ligament_shades_without_a_mass(scene):
    echo, specular, loss = changed(scene, phantom_structures._ligament)
    assert (echo == 0).all()
    assert (specular == 0).all()
    assert loss.max() > 0.3


def test_as_many_structures_as_asked_for(scene, monkeypatch):
    tissue, fabric = scene
    drawn = []
    for name in ("_fat_lobule", "_duct", "_vessel", "_rib", "_ligament"):
        monkeypatch.setattr(phantom_structures, name, lambda *_, name=name: drawn.append(name))
    add_structures(tissue, fabric, ANATOMY, 40)
    assert len(drawn) == 40
    assert len(set(drawn)) == 5
