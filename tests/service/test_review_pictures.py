"""Two images on one canvas."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.relations import Transform
from echoduet.service.review_pictures import LONGEST_SIDE, alone, as_png, difference, drawn, outline, places

sides = st.integers(20, 900)
transforms = st.builds(
    Transform, st.booleans(), st.floats(-180, 180), st.floats(0.3, 3), st.floats(-300, 300), st.floats(-300, 300)
)


def colours(gray):
    """Return the gray image in three channels."""
    return np.repeat(gray[:, :, None], 3, axis=2)


@given(width=sides, height=sides, other=st.tuples(sides, sides), transform=transforms)
def test_the_canvas_holds_all_of_a_and_is_never_larger_than_allowed(width, height, other, transform):
    a, b = places((width, height), other, transform.matrix)
    assert a.size == b.size
    assert max(a.size) <= LONGEST_SIDE
    for corner in ((0, 0), (width - 1, height - 1)):
        x, y = a.matrix @ (*corner, 1)
        assert -0.51 <= x <= a.size[0] - 0.49
        assert -0.51 <= y <= a.size[1] - 0.49


@given(transform=transforms, point=st.tuples(st.floats(0, 100), st.floats(0, 100)))
def test_a_point_of_b_lies_where_the_transform_puts_it_on_a(transform, point):
    a, b = places((200, 150), (120, 140), transform.matrix)
    on_a = transform.matrix @ (*point, 1)
    assert b.matrix @ (*point, 1) == pytest.approx(a.matrix @ (*on_a, 1), abs=1e-6)


def test_an_image_alone_is_shown_as_it_is():
    image = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    place = alone((60, 40))
    picture = drawn(image, place)
    assert place.size == (60, 40)
    assert np.array_equal(picture[:, :, :3], image)
    assert (picture[:, :, 3] == 255).all()


def test_a_larger_b_is_shown_whole_around_a():
    a, b = places((50, 40), (100, 80), np.array([[1.0, 0, -20], [0, 1.0, -10]]))
    assert a.size == (100, 80)
    assert a.matrix[:, 2] == pytest.approx([20, 10])
    assert b.matrix[:, 2] == pytest.approx([0, 0])


def test_an_alignment_that_leads_astray_does_not_blow_up_the_canvas():
    a, _ = places((50, 40), (50, 40), Transform(scale=1000, dx=1e6).matrix)
    assert a.size == (100, 120)


def test_copies_with_another_gain_do_not_differ():
    gray = np.random.default_rng(2).integers(40, 120, (30, 40), np.uint8)
    place = alone((40, 30))
    a, b = (drawn(colours(image), place) for image in (gray, (gray * 1.5).astype(np.uint8)))
    assert difference(a, b)[:, :, :3].max() <= 3
    assert difference(a, a)[:, :, :3].max() == 0


def test_what_is_brighter_in_a_is_amber_and_in_b_cyan():
    gray = np.full((30, 40), 90, np.uint8)
    one, two = gray.copy(), gray.copy()
    one[5:10, 5:10], two[5:10, 25:30] = 240, 240
    a, b = (drawn(colours(image), alone((40, 30))) for image in (one, two))
    red, _, blue = difference(a, b)[7, 7, :3].astype(int)
    assert red > blue
    red, _, blue = difference(a, b)[7, 27, :3].astype(int)
    assert blue > red


def test_only_the_overlap_has_a_difference():
    image = colours(np.random.default_rng(3).integers(0, 256, (30, 40), np.uint8))
    a, b = places((40, 30), (40, 30), Transform(dx=25).matrix)
    alpha = difference(drawn(image, a), drawn(image, b))[:, :, 3]
    assert (alpha > 0).sum() == 15 * 30
    far, away = places((40, 30), (40, 30), Transform(dx=45).matrix)
    assert not difference(drawn(image, far), drawn(image, away)).any()


def test_a_png_holds_the_picture():
    picture = np.random.default_rng(4).integers(0, 256, (12, 9, 4), np.uint8)
    read = cv2.imdecode(np.frombuffer(as_png(picture), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA), picture)


def test_the_outline_runs_around_the_mask_and_nothing_has_none():
    mask = np.zeros((30, 40), np.bool_)
    assert outline(mask, alone((40, 30))) == ""
    mask[10:20, 5:25] = True
    mask[3, 3] = True
    path = outline(mask, places((40, 30), (40, 30), Transform(dx=-10).matrix)[0])
    points = np.array([[float(n) for n in pair.split()] for pair in re.split("[MLZ]+", path) if pair])
    assert path.count("M") == 2
    assert points.min(axis=0).tolist() == [13.5, 3.5]
    assert points.max(axis=0).tolist() == [34.5, 19.5]
