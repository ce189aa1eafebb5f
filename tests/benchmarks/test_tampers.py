"""Tampered copies are what they say: the same for a seed, with every point where it is told to be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.relations import Relation, Transform
from tampers import COMBINATION, LATTICE, STEPS, TAMPERS, neighbour, tampered, untouched

GRAY_ONLY = {"exact", "gamma", "gain", "speckle filter", "JPEG", "calipers", "text"}


def laid_back(copy, image):
    """Return the copy over its original, and where it shows something."""
    size = image.shape[::-1]
    shown = np.full(copy.image.shape, 255, np.uint8)
    return cv2.warpAffine(copy.image, copy.matrix, size), cv2.warpAffine(shown, copy.matrix, size) == 255


def correlation(a, b, where):
    return np.corrcoef(a[where].astype(float), b[where].astype(float))[0, 1]


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", TAMPERS)
def test_the_matrix_lays_the_copy_over_its_original(name, texture):
    image = texture()
    for seed in range(4):
        copy = TAMPERS[name](image, generator(seed))
        back, shown = laid_back(copy, image)
        # Black or gray borders are of the copy alone.
        x, y = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
        inside = np.linalg.inv(np.vstack([copy.matrix, (0, 0, 1)])) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
        u, v = np.rint(inside[:2]).astype(int)
        height, width = copy.image.shape
        shown &= ((u >= 0) & (u < width) & (v >= 0) & (v < height)).reshape(image.shape)
        shown &= back > 0
        assert shown.mean() > 0.05
        assert correlation(back, image, shown) > 0.85, (name, seed, copy.steps)


@pytest.mark.parametrize("name", TAMPERS)
def test_a_seed_gives_the_same_copy_and_leaves_the_original(name, texture):
    image = texture()
    before = image.copy()
    first, second = (TAMPERS[name](image, generator(7)) for _ in range(2))
    assert (first.image == second.image).all()
    assert (first.placed == second.placed).all()
    assert first.image.dtype == np.uint8
    assert (image == before).all()


@pytest.mark.parametrize("name", [name for name in TAMPERS if name != "exact"])
def test_every_tamper_changes_something(name, texture):
    copy = TAMPERS[name](texture(), generator(3))
    assert copy.image.shape != texture().shape or (copy.image != texture()).any()
    assert copy.relation is Relation.SAME_SCAN


def test_the_exact_copy_is_one(texture):
    copy = TAMPERS["exact"](texture(), generator())
    assert (copy.image == texture()).all()
    assert copy.relation is Relation.COPY
    assert copy.overlap == 1
    assert copy.steps == ()


@pytest.mark.parametrize("name", sorted(GRAY_ONLY))
def test_gray_values_change_in_place(name, texture):
    copy = TAMPERS[name](texture(), generator(1))
    assert (copy.placed == np.eye(3)).all()
    assert copy.overlap == 1
    assert copy.image.shape == texture().shape


@given(seed=st.integers(0, 2**32), height=st.integers(60, 200), width=st.integers(60, 200))
def test_a_crop_keeps_50_to_95_percent(seed, height, width):
    copy = TAMPERS["crop"](np.zeros((height, width), np.uint8), generator(seed))
    assert 0.48 <= copy.image.size / (height * width) <= 0.97
    assert abs(copy.overlap - copy.image.size / (height * width)) < 3 / LATTICE


@given(seed=st.integers(0, 2**32))
def test_sizes_and_turns_stay_within_their_range(seed):
    blank = np.zeros((100, 140), np.uint8)
    assert 0.49 <= TAMPERS["resize"](blank, generator(seed)).image.shape[1] / 140 <= 2.01
    turn = TAMPERS["rotation"](blank, generator(seed)).matrix
    assert 1.9 <= abs(np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))) <= 15.1
    assert TAMPERS["padding"](blank, generator(seed)).overlap == 1
    assert TAMPERS["zoom out"](blank, generator(seed)).overlap == 1
    assert 0.45 <= TAMPERS["zoom in"](blank, generator(seed)).overlap <= 0.95
    assert TAMPERS["shift"](blank, generator(seed)).overlap >= 0.75**2 - 0.05


def test_flips_are_those_of_a_transform(texture):
    # Upside down is mirrored and turned by 180 degrees (relations.Transform).
    image = texture()
    height, width = image.shape
    sideways, upside_down = (TAMPERS[name](image, generator()) for name in ("flip left-right", "flip up-down"))
    assert sideways.matrix == pytest.approx(Transform(mirrored=True, dx=width - 1).matrix)
    assert upside_down.matrix == pytest.approx(Transform(mirrored=True, rotation=180, dy=height - 1).matrix, abs=1e-9)


@given(seed=st.integers(0, 2**32))
def test_a_combination_is_three_different_steps_in_turn(seed):
    image = np.random.default_rng(1).integers(0, 256, (90, 110)).astype(np.uint8)
    copy = TAMPERS[COMBINATION](image, generator(seed))
    assert len(set(copy.steps)) == 3
    assert set(copy.steps) <= set(STEPS)
    assert 0 < copy.overlap <= 1
    u, v = (copy.points @ copy.matrix[:, :2].T + copy.matrix[:, 2]).T
    assert (u > -1).all() and (u < 110).all() and (v > -1).all() and (v < 90).all()


def test_what_has_left_the_frame_does_not_come_back(texture):
    cut = tampered(texture(), generator(5), ("crop", "padding"))
    alone = tampered(texture(), generator(5), ("crop",))
    assert cut.overlap == alone.overlap < 1


def test_lattice_points_follow_the_placing(texture):
    start = untouched(texture())
    copy = tampered(texture(), generator(2), ("rotation", "resize"))
    placed = start.points @ copy.placed[:2, :2].T + copy.placed[:2, 2]
    distance = np.linalg.norm(placed[:, None] - copy.points[None], axis=2).min(axis=0)
    assert distance.max() < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_a_neighbour_is_alike_but_no_copy(seed, texture):
    image = texture(seed, (300, 400))
    frame = neighbour(image, generator(seed))
    assert frame.image.shape == image.shape
    assert frame.relation is Relation.SAME_SCENE
    everywhere = np.ones(image.shape, bool)
    coarse = [cv2.GaussianBlur(picture, (0, 0), 8) for picture in (frame.image, image)]
    fine = [picture.astype(float) - cv2.GaussianBlur(picture, (0, 0), 2) for picture in (frame.image, image)]
    assert correlation(*coarse, everywhere) > 0.5
    assert correlation(*fine, everywhere) < 0.5
