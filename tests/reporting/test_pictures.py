from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from echoduet.records import Label
from echoduet.reporting.gallery import GalleryItem
from echoduet.reporting.pictures import LONGEST_SIDE, data_uri, outline, picture


def points(path):
    return np.array([[float(n) for n in pair.split()] for pair in re.findall(r"[\d.]+ [\d.]+", path)])


def item(image, reference=None, predicted=None, case_id="a"):
    return GalleryItem(case_id, image, reference, predicted, Label.BENIGN)


def decoded(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))))


@pytest.mark.parametrize(
    ("shape", "size"), [((900, 600), (213, 320)), ((100, 80), (80, 100)), ((1, 1), (1, 1)), ((2, 4000), (320, 1))]
)
def test_pictures_keep_their_shape_within_the_longest_side(shape, size):
    svg = ET.fromstring(picture(item(np.full(shape, 90, dtype=np.uint8))))
    assert svg.get("viewBox") == f"0 0 {size[0]} {size[1]}"
    embedded = decoded(svg[0].get("href"))
    assert embedded.size == size
    assert max(embedded.size) <= LONGEST_SIDE


def test_the_embedded_image_shows_the_image(rng):
    image = np.repeat(np.repeat(rng.integers(0, 255, (6, 8), dtype=np.uint8), 10, axis=0), 10, axis=1)
    shown = np.asarray(decoded(data_uri(image, 80, 60)), dtype=float)
    assert np.abs(shown - image).mean() < 5


def test_an_outline_runs_around_the_lesion():
    mask = np.zeros((40, 50), dtype=bool)
    mask[10:20, 15:35] = True
    around = points(outline(mask, 1.0))
    np.testing.assert_allclose(around.min(axis=0), [15, 10], atol=0.01)
    np.testing.assert_allclose(around.max(axis=0), [35, 20], atol=0.01)
    np.testing.assert_allclose(points(outline(mask, 0.5)).max(axis=0), [17.5, 10], atol=0.3)


@given(arrays(bool, (9, 11), elements=st.booleans()))
def test_outlines_are_closed_and_stay_within_the_image(mask):
    path = outline(mask, 1.0)
    assert path.count("M") == path.count("Z")
    assert bool(path) == bool(mask.any())
    if path:
        assert points(path).min() >= 0
        assert (points(path).max(axis=0) <= [11, 9]).all()


def test_both_outlines_are_drawn_apart_and_dark_lines_lie_below():
    mask = np.zeros((40, 50), dtype=bool)
    mask[10:20, 15:35] = True
    svg = ET.fromstring(picture(item(np.zeros((40, 50), dtype=np.uint8), mask, np.roll(mask, 4))))
    assert [child.get("class") for child in svg] == [None, "halo", "halo", "reference", "predicted"]


@pytest.mark.parametrize("mask", [None, np.zeros((40, 50), dtype=bool)])
def test_what_is_not_there_is_not_drawn(mask):
    svg = ET.fromstring(picture(item(np.zeros((40, 50), dtype=np.uint8), mask, mask)))
    assert len(svg) == 1


def test_a_name_cannot_break_out_of_the_picture():
    svg = ET.fromstring(picture(item(np.zeros((4, 4), dtype=np.uint8), case_id='"><script>alert(1)</script>')))
    assert svg.get("aria-label") == '"><script>alert(1)</script>'
    assert len(svg) == 1
