from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.errors import ShapeError
from echoduet.inference.arrays import require_gray, require_sound
from echoduet.records import Box, Scan, Spacing

GRAY = np.full((40, 60), 90, np.uint8)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (GRAY / 255, r"got \(40, 60\) float64"),
        (GRAY.astype(np.uint16), r"got \(40, 60\) uint16"),
        (GRAY > 9, "got .* bool"),
        (np.stack([GRAY] * 3, axis=2), r"got \(40, 60, 3\) uint8"),
        (np.zeros((0, 5), np.uint8), r"got \(0, 5\) uint8"),
        (GRAY.tolist(), "got a list"),
    ],
)
def test_what_is_no_gray_picture_is_refused_by_every_way_in(make_predictor, image, told):
    with pytest.raises(ShapeError, match=f"mine: .*{told}"):
        require_gray("mine", image)
    predictor = make_predictor()
    with pytest.raises(ShapeError, match="mine"):
        list(predictor.analyse([Scan("good", GRAY), Scan("mine", image)], refuse=False))
    with pytest.raises(ShapeError, match="mine"):
        list(predictor.predict([("mine", image)]))


@pytest.mark.parametrize("image", [GRAY.T, GRAY[::-1, ::-1], np.asfortranarray(GRAY), GRAY[:1, :1]])
def test_any_layout_and_size_is_a_picture(image):
    require_gray("mine", image)


@pytest.mark.parametrize(
    ("scan", "told"),
    [
        (Scan("mine", GRAY, np.zeros((40, 61, 3), np.uint8)), "its colours are"),
        (Scan("mine", GRAY, np.zeros((40, 60, 3))), "its colours are .* float64"),
        (Scan("mine", GRAY, spacing=Spacing(0.1, 0)), "size of a pixel"),
        (Scan("mine", GRAY, spacing=Spacing(float("nan"), 0.1)), "size of a pixel"),
        (Scan("mine", GRAY, spacing=Spacing(0.1, float("inf"))), "size of a pixel"),
    ],
)
def test_colours_and_spacing_are_looked_at(scan, told):
    with pytest.raises(ShapeError, match=f"mine: .*{told}"):
        require_sound(scan)


@given(st.integers(-5, 45), st.integers(-5, 65), st.integers(-2, 45), st.integers(-2, 65))
def test_a_region_is_sound_where_it_shows_what_it_says(top, left, height, width):
    box = Box(top, left, height, width)
    inside = top >= 0 and left >= 0 and min(height, width) > 0 and GRAY[box.slices].shape == (height, width)
    scan = Scan("mine", GRAY, np.stack([GRAY] * 3, axis=2), box, Spacing(0.1, 0.2))
    if inside:
        require_sound(scan)
    else:
        with pytest.raises(ShapeError, match="mine: its region lies outside"):
            require_sound(scan)
