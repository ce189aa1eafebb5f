"""Calipers sit where they measure, text where it is written, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label, regionprops

from echoduet.data.overlays import INK, Overlay, burn_in, diameters, draw_overlay


@pytest.fixture
def picture():
    """A dark picture with a tilted ellipse as its lesion, 300 by 400."""
    z, x = np.mgrid[:300, :400].astype(float)
    u, v = (x - 200) * 0.8 + (z - 140) * 0.6, (z - 140) * 0.8 - (x - 200) * 0.6
    return np.full((300, 400), 40, dtype=np.uint8), (u / 80) ** 2 + (v / 40) ** 2 < 1


def test_diameters_are_those_of_the_ellipse(picture):
    _, mask = picture
    region = regionprops(label(mask))[0]
    first, second = diameters(mask)
    assert np.hypot(*(first[1] - first[0])) == pytest.approx(region.axis_major_length, rel=0.03)
    # The extreme points across need not face each other exactly.
    assert np.hypot(*(second[1] - second[0])) == pytest.approx(region.axis_minor_length, rel=0.12)
    assert abs((first[1] - first[0]) @ (second[1] - second[0])) < 0.2 * 160 * 80


def test_calipers_stand_on_the_border_of_the_lesion(picture):
    image, mask = picture
    marked = burn_in(image, mask, Overlay(calipers=True), np.random.default_rng(0))
    first, _ = diameters(mask)
    for x, y in first.astype(int):
        assert marked[y, x] == INK
    changed = (marked != image).mean()
    assert 0.0001 < changed < 0.02


def test_a_caliper_is_drawn_even_on_an_empty_mask(picture):
    image, mask = picture
    marked = burn_in(image, np.zeros_like(mask), Overlay(calipers=True), np.random.default_rng(0))
    assert (marked == INK).any()


def test_text_is_ink_and_spares_the_middle(picture):
    image, mask = picture
    for seed in range(8):
        written = burn_in(image, mask, Overlay(text=True), np.random.default_rng(seed))
        assert (written != image).sum() > 50
        assert (written[80:220] == image[80:220]).all()


def test_no_overlay_changes_nothing(picture):
    image, mask = picture
    same = burn_in(image, mask, Overlay(), np.random.default_rng(0))
    assert (same == image).all()
    assert same is not image


def test_the_original_pixels_are_left_alone(picture):
    image, mask = picture
    burn_in(image, mask, Overlay(calipers=True, text=True), np.random.default_rng(1))
    assert (image == 40).all()


@pytest.mark.parametrize("width", [32, 64, 128])
def test_small_pictures_take_overlays_too(width):
    image = np.zeros((width * 3 // 4, width), dtype=np.uint8)
    mask = np.zeros_like(image, dtype=bool)
    mask[width // 4 : width // 2, width // 4 : width // 2] = True
    for seed in range(5):
        assert burn_in(image, mask, Overlay(True, True), np.random.default_rng(seed)).shape == image.shape


def test_overlays_come_as_often_as_asked(rng):
    drawn = [draw_overlay(rng, calipers=0.3, text=0.6) for _ in range(600)]
    assert np.mean([overlay.calipers for overlay in drawn]) == pytest.approx(0.3, abs=0.06)
    assert np.mean([overlay.text for overlay in drawn]) == pytest.approx(0.6, abs=0.06)
    assert not any(overlay.calipers or overlay.text for overlay in (draw_overlay(rng, 0.0, 0.0) for _ in range(50)))
