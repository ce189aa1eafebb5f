"""Lesions measured: against shapes whose size is known, and against scikit-image."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.draw import disk, ellipse
from skimage.measure import label, perimeter_crofton, regionprops

from echoduet.inference.measurements import circularity, measure_lesions
from echoduet.records import Box, Spacing


def drawn(shape, *parts):
    mask = np.zeros(shape, bool)
    for part in parts:
        mask[part] = True
    return mask


def test_an_empty_mask_has_no_lesion():
    assert measure_lesions(np.zeros((20, 30), bool)) == ()


def test_one_pixel_is_one_pixel_wide():
    (lesion,) = measure_lesions(drawn((9, 9), (slice(4, 5), slice(6, 7))))
    assert (lesion.box, lesion.centre) == (Box(4, 6, 1, 1), (4.0, 6.0))
    assert (lesion.area, lesion.width, lesion.height, lesion.unit) == (1.0, 1.0, 1.0, "px")
    assert lesion.longest == pytest.approx(math.sqrt(2))
    assert lesion.shortest == pytest.approx(1.0)
    assert 0 < lesion.circularity <= 1


def test_a_rectangle_in_millimetres():
    mask = drawn((100, 120), (slice(20, 50), slice(30, 70)))  # 30 rows, 40 columns
    (lesion,) = measure_lesions(mask, Spacing(0.1, 0.2))
    assert lesion.unit == "mm"
    assert lesion.area == pytest.approx(3.0 * 8.0)
    assert (lesion.width, lesion.height) == (pytest.approx(8.0), pytest.approx(3.0))
    assert lesion.longest == pytest.approx(math.hypot(8, 3))
    assert lesion.shortest == pytest.approx(3.0)
    assert abs(lesion.orientation) == pytest.approx(math.degrees(math.atan2(3, 8)))


@pytest.mark.parametrize(("degrees", "sign"), [(30, 1), (-30, -1), (80, 1), (-80, -1)])
def test_orientation_is_positive_where_the_right_end_is_higher(degrees, sign):
    canvas = np.zeros((200, 200), np.uint8)
    x, y = 80 * math.cos(math.radians(degrees)), -80 * math.sin(math.radians(degrees))
    cv2.line(canvas, (round(100 - x), round(100 - y)), (round(100 + x), round(100 + y)), 1, 3)
    (lesion,) = measure_lesions(canvas > 0)
    assert math.copysign(1, lesion.orientation) == sign
    assert lesion.orientation == pytest.approx(degrees, abs=1.5)
    assert lesion.longest == pytest.approx(163, abs=3)
    assert lesion.circularity < 0.1


@pytest.mark.parametrize("radius", [12, 20, 60])
def test_a_disc_is_round_and_as_wide_as_high(radius):
    (lesion,) = measure_lesions(drawn((150, 150), disk((70, 70), radius)))
    assert lesion.area == pytest.approx(math.pi * radius**2, rel=0.05)
    assert lesion.longest == pytest.approx(2 * radius, abs=1.5)
    assert lesion.shortest == pytest.approx(2 * radius, abs=1.5)
    assert lesion.width == lesion.height
    assert lesion.circularity > 0.95


def test_circularity_does_not_depend_on_the_shape_of_the_pixels():
    square = drawn((200, 200), ellipse(100, 100, 60, 60))
    flat = drawn((100, 200), ellipse(50, 100, 30, 60))  # the same disc where pixels are twice as high as wide
    assert circularity(flat, Spacing(2.0, 1.0)) == pytest.approx(circularity(square), abs=0.05)
    assert circularity(flat) < 0.9
    thin = drawn((40, 3), (slice(2, 38), slice(1, 2)))
    assert 0 < circularity(thin, Spacing(0.1, 0.9)) <= 1


def test_a_hole_is_no_part_of_the_area_nor_of_the_outline():
    ring = drawn((100, 100), disk((50, 50), 30))
    whole = measure_lesions(ring)[0]
    ring[disk((50, 50), 10)] = False
    holed = measure_lesions(ring)[0]
    assert holed.area < whole.area
    assert (holed.longest, holed.circularity) == (whole.longest, whole.circularity)


def test_the_largest_comes_first_and_touching_corners_are_one():
    mask = drawn((60, 60), (slice(2, 5), slice(2, 5)), (slice(5, 9), slice(5, 9)), (slice(20, 50), slice(20, 50)))
    lesions = measure_lesions(mask)
    assert [(lesion.number, lesion.area) for lesion in lesions] == [(1, 900.0), (2, 25.0)]


def test_each_lesion_has_its_own_mean_probability():
    mask = drawn((20, 20), (slice(0, 4), slice(0, 4)), (slice(10, 12), slice(10, 12)))
    probability = np.full((20, 20), 0.1, np.float32)
    probability[:4, :4], probability[10:12, 10:12] = 0.9, 0.6
    assert [lesion.probability for lesion in measure_lesions(mask, None, probability)] == pytest.approx([0.9, 0.6])
    assert measure_lesions(mask)[0].probability is None


@settings(max_examples=60, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_area_box_and_longest_diameter_are_those_of_scikit_image(mask):
    theirs = sorted(regionprops(label(mask, connectivity=2)), key=lambda region: -region.area)
    ours = measure_lesions(mask)
    assert [lesion.area for lesion in ours] == [region.area for region in theirs]
    boxes = {(*r.bbox[:2], r.bbox[2] - r.bbox[0], r.bbox[3] - r.bbox[1]) for r in theirs}
    assert {(*(o.box.top, o.box.left), o.box.height, o.box.width) for o in ours} == boxes
    for lesion in ours:
        assert lesion.shortest <= min(lesion.width, lesion.height) + 1e-9
        assert max(lesion.width, lesion.height) <= lesion.longest + 1e-9
        assert lesion.longest <= math.hypot(lesion.width, lesion.height) + 1e-9
        assert -90 < lesion.orientation <= 90
        assert 0 < lesion.circularity <= 1
    centres = sorted(region.centroid for region in theirs)
    np.testing.assert_allclose(sorted(lesion.centre for lesion in ours), centres, rtol=1e-12)


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_circularity_is_by_the_perimeter_of_scikit_image(mask):
    filled = ndimage.binary_fill_holes(mask)
    if mask.any():
        expected = 4 * math.pi * filled.sum() / perimeter_crofton(filled, directions=4) ** 2
        assert circularity(mask) == pytest.approx(min(1.0, expected), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(arrays(bool, st.tuples(st.integers(2, 16), st.integers(2, 16))), st.floats(0.05, 2.0))
def test_millimetres_are_pixels_times_the_spacing(mask, spacing):
    for plain, scaled in zip(measure_lesions(mask), measure_lesions(mask, Spacing(spacing, spacing)), strict=True):
        for name in ("longest", "shortest", "width", "height"):
            assert getattr(scaled, name) == pytest.approx(spacing * getattr(plain, name))
        assert scaled.area == pytest.approx(spacing**2 * plain.area)
        assert scaled.circularity == pytest.approx(plain.circularity)


@pytest.mark.parametrize("angle", range(0, 180, 20))
def test_diameters_of_a_turned_ellipse(angle):
    canvas = np.zeros((300, 300), np.uint8)
    cv2.ellipse(canvas, (150, 150), (100, 40), angle, 0, 360, 1, -1)
    (lesion,) = measure_lesions(canvas > 0)
    assert lesion.longest == pytest.approx(201, rel=0.015)
    assert lesion.shortest == pytest.approx(81, rel=0.03)


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_circularity_is_that_of_a_component_whose_holes_are_filled(mask):
    filled = ndimage.binary_fill_holes(mask)
    if mask.any():
        assert circularity(mask) == circularity(filled)


def test_lesions_of_one_size_come_from_the_top():
    mask = drawn((20, 20), (slice(10, 12), slice(0, 2)), (slice(1, 3), slice(8, 10)), (slice(1, 3), slice(2, 4)))
    assert [(lesion.box.top, lesion.box.left) for lesion in measure_lesions(mask)] == [(1, 2), (1, 8), (10, 0)]
