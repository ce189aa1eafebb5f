from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoduet.curation.matching.features import extract
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.matching.similarity import content, correlation, likeness
from echoduet.curation.relations import IDENTITY, Transform

pictures = hnp.arrays(np.float32, (6, 7), elements=st.floats(0, 255, width=32))
weights = hnp.arrays(np.float32, (6, 7), elements=st.sampled_from([0.0, 1.0]))


@given(pictures, pictures, weights)
def test_the_correlation_is_that_of_numpy(a, b, weight):
    chosen = weight > 0
    if chosen.sum() < 3 or min(a[chosen].std(), b[chosen].std()) < 1:
        return
    assert correlation(a, b, weight) == pytest.approx(np.corrcoef(a[chosen], b[chosen])[0, 1], abs=1e-3)


def test_a_flat_picture_correlates_with_nothing():
    one = np.ones((4, 4), np.float32)
    assert correlation(one, np.arange(16, dtype=np.float32).reshape(4, 4), one) == 0


def test_an_image_is_like_itself_whatever_its_gain(phantom, described):
    image = phantom(1)
    brighter = np.clip(image * 1.2, 0, 255).astype(np.uint8)
    seen = likeness(described(image), described(brighter), IDENTITY)
    assert seen.overlap == pytest.approx(1)
    assert min(seen.fine, seen.coarse) > 0.95


def test_unrelated_images_are_not_alike(phantom, described):
    seen = likeness(described(phantom(1)), described(phantom(2)), IDENTITY)
    assert abs(seen.fine) < 0.2


def test_the_overlap_is_a_share_of_the_larger_image(phantom, described):
    image = phantom(3)
    height, width = image.shape
    window = described(np.ascontiguousarray(image[:, : width // 2]))
    scale = (max(window.width, window.height) / 192) / (max(height, width) / 192)
    seen = likeness(described(image), window, Transform(scale=scale))
    assert seen.overlap == pytest.approx(0.5, abs=0.03)
    assert seen.fine > 0.8


def test_below_the_least_overlap_nothing_is_compared(phantom, described):
    seen = likeness(described(phantom(1)), described(phantom(1)), Transform(dx=150), least=0.5)
    assert 0 < seen.overlap < 0.5
    assert (seen.fine, seen.coarse) == (0, 0)


def test_what_is_drawn_over_an_image_does_not_count(phantom, described):
    image = phantom(4)
    drawn = image.copy()
    for x in range(40, 200, 20):
        drawn[60:62, x - 6 : x + 7] = 250
        drawn[54:68, x : x + 2] = 250
    assert likeness(described(image), described(drawn), IDENTITY).fine > 0.97


@pytest.mark.parametrize("gray", [0, 90])
def test_a_border_of_one_gray_is_no_content(phantom, gray):
    padded = np.pad(phantom(5), ((0, 0), (60, 30)), constant_values=gray)
    shown = content(extract(padded, MatchSettings())).any(axis=0)
    scale = 192 / max(padded.shape)
    assert np.flatnonzero(shown)[0] == pytest.approx(60 * scale, abs=2)
    assert 192 - np.flatnonzero(shown)[-1] == pytest.approx(30 * scale, abs=3)
