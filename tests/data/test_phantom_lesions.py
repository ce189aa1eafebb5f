"""Outlines and what grows inside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoduet.data.phantom_lesions import ANGLES, Lesion, Outline, draw_lesion, grow, push, solid
from echoduet.data.speckle import Grid, Tissue
from echoduet.records import Label

GRID = Grid(height=300, width=400, pitch=0.1)
ELLIPSE = Outline(x=20.0, z=12.0, across=6.0, down=3.0, tilt=0.0, radius=np.ones(ANGLES, dtype=np.float32))
PLAIN = Lesion(
    outline=ELLIPSE,
    contrast=-10.0,
    edge=0.1,
    roughness=0.0,
    texture=0.0,
    capsule=0.0,
    halo=0.0,
    through=0.0,
    calcifications=0,
)


@pytest.fixture
def even():
    """Tissue of one echo everywhere."""
    return Tissue(GRID, *(np.zeros(GRID.shape, dtype=np.float32) for _ in range(3)))


def test_distance_is_zero_on_the_outline_and_negative_inside():
    distance = ELLIPSE.distance(GRID)
    assert distance[120, 200] == pytest.approx(-3.0, abs=0.6)
    assert distance[120, 260] == pytest.approx(0.0, abs=0.05)
    assert distance[90, 200] == pytest.approx(0.0, abs=0.05)
    assert distance[120, 300] == pytest.approx(4.0, abs=0.05)


def test_an_even_outline_encloses_the_area_of_its_ellipse():
    area = (ELLIPSE.distance(GRID) < 0).sum() * GRID.pitch**2
    assert area == pytest.approx(np.pi * 6.0 * 3.0, rel=0.01)


def test_tilting_turns_the_outline():
    upright = replace(ELLIPSE, tilt=np.pi / 2)
    rows, columns = np.nonzero(upright.distance(GRID) < 0)
    assert np.ptp(rows) == pytest.approx(2 * np.ptp(columns), rel=0.03)


def test_radius_pulls_the_outline_outwards_where_it_says():
    radius = np.ones(ANGLES, dtype=np.float32)
    radius[ANGLES // 2 - 20 : ANGLES // 2 + 20] = 1.5  # around angle 0: to the right
    lesion = replace(ELLIPSE, radius=radius).distance(GRID) < 0
    columns = np.nonzero(lesion)[1]
    assert columns.max() == pytest.approx(200 + 90, abs=2)
    assert columns.min() == pytest.approx(200 - 60, abs=2)


def test_a_grown_lesion_has_its_contrast_and_its_mask(even, rng):
    even.echo += 4.0
    mask = grow(even, PLAIN, rng)
    assert (mask == (ELLIPSE.distance(GRID) < 0)).all()
    assert even.echo[120, 200] == pytest.approx(-6.0, abs=0.1)
    assert even.echo[250, 50] == pytest.approx(4.0, abs=0.01)


def test_reflectors_do_not_run_through_a_lesion(even, rng):
    even.specular += 5.0
    grow(even, PLAIN, rng)
    assert even.specular[120, 200] < 0.01
    assert even.specular[250, 50] == pytest.approx(5.0)


def test_the_way_through_costs_what_the_lesion_says(even, rng):
    grow(even, replace(PLAIN, through=-6.0), rng)
    assert even.loss[:, 200].sum() * GRID.pitch == pytest.approx(-6.0, rel=0.05)
    assert even.loss[:, 20].sum() == pytest.approx(0.0, abs=1e-3)


def test_a_capsule_shines_where_it_faces_the_beam(even):
    grow(even, replace(PLAIN, capsule=8.0), np.random.default_rng(2))
    top, side = even.specular[85:92, 190:210].max(), even.specular[115:125, 258:266].max()
    assert top > 2 * side


def test_a_halo_brightens_the_rim_and_not_the_distance(even, rng):
    grow(even, replace(PLAIN, halo=5.0), rng)
    outside = ELLIPSE.distance(GRID)
    assert even.echo[(outside > 0.4) & (outside < 1.0)].mean() > 1.0
    assert abs(even.echo[outside > 9].mean()) < 0.05


def test_calcifications_are_specks_inside(even, rng):
    grow(even, replace(PLAIN, calcifications=5), rng)
    specks = even.specular > 2
    assert 0 < specks.sum() < 300
    assert (ELLIPSE.distance(GRID)[specks] < 0.3).all()


def test_a_rough_border_is_not_the_smooth_one(even, rng):
    smooth = ELLIPSE.distance(GRID) < 0
    rough = grow(even, replace(PLAIN, roughness=0.4), rng)
    assert 0.02 < (rough ^ smooth).sum() / smooth.sum() < 0.4


def test_solid_keeps_the_largest_part_and_fills_it():
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:10, 2:10] = True
    mask[5, 5] = False
    mask[15:17, 15:17] = True
    kept = solid(mask)
    assert kept[5, 5]
    assert not kept[15:, 15:].any()
    assert kept.sum() == 64


def test_solid_of_nothing_is_nothing():
    assert not solid(np.zeros((5, 5), dtype=bool)).any()


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([Label.BENIGN, Label.MALIGNANT]),
    st.floats(0.6, 1.0),
    st.floats(17.0, 50.0),
)
def test_lesions_lie_inside_the_picture_below_the_skin(seed, kind, aspect, width_mm):
    grid = Grid(height=round(100 * aspect), width=100, pitch=width_mm / 100)
    outline = draw_lesion(kind, grid, 2.5, np.random.default_rng(seed)).outline
    assert outline.z - outline.down > 2.5
    assert outline.z + outline.down < 0.9 * grid.depth_mm
    assert outline.across <= outline.x <= grid.width_mm - outline.across


def test_malignant_ones_are_taller_rougher_and_take_more_sound():
    def drawn(kind):
        return [draw_lesion(kind, GRID, 2.5, np.random.default_rng(seed)) for seed in range(60)]

    def typical(lesions, key):
        return np.median([key(lesion) for lesion in lesions])

    benign, malignant = drawn(Label.BENIGN), drawn(Label.MALIGNANT)
    for lesions, tall in ((benign, False), (malignant, True)):
        assert (typical(lesions, lambda lesion: lesion.outline.down / lesion.outline.across) > 1) == tall
    assert typical(malignant, lambda lesion: lesion.outline.radius.std()) > 2 * typical(
        benign, lambda lesion: lesion.outline.radius.std()
    )
    assert typical(benign, lambda lesion: lesion.through) < 0 < typical(malignant, lambda lesion: lesion.through)
    # No single sign decides: some of each kind pass for the other.
    assert min(lesion.through for lesion in malignant) < max(lesion.through for lesion in benign) + 1
    assert max(lesion.contrast for lesion in benign) > -5


def test_a_mass_pushes_tissue_away_from_itself():
    pushed = push(ELLIPSE, GRID, 0.5)
    assert pushed[150, 200] > 0.5  # below: down
    assert pushed[90, 200] < -0.5  # above: up
    assert abs(pushed[150, 5]) < 0.05
