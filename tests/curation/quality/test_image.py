"""One look at an image gives all of its scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echoduet.curation.quality.image import image_scores
from echoduet.curation.quality.issues import OVERLAYS, Issue
from echoduet.curation.quality.overlays import overlay_mask
from echoduet.data.overlays import Overlay
from echoduet.errors import ShapeError

OF_IMAGES = {issue for issue in Issue if not issue.startswith(("mask", "odd"))}


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_every_issue_of_an_image_has_a_score_from_0_to_1(colour) -> None:
    scores = image_scores(colour, np.ascontiguousarray(colour[..., 1]))
    assert set(scores) == OF_IMAGES
    assert all(isinstance(score, float) and 0 <= score <= 1 for score in scores.values())


def test_a_known_overlay_is_taken_as_it_is(drawn, coloured) -> None:
    image = drawn(Overlay(calipers=True, text=True)).image
    assert image_scores(coloured(image), image) == image_scores(coloured(image), image, overlay_mask(image))
    none = image_scores(coloured(image), image, np.zeros(image.shape, bool))
    assert all(none[issue] == 0 for issue in OVERLAYS)


def test_colour_and_gray_must_be_of_one_size(coloured) -> None:
    with pytest.raises(ShapeError, match=r"\(H, W, 3\).*\(4, 5\)"):
        image_scores(coloured(np.zeros((4, 6), np.uint8)), np.zeros((4, 5), np.uint8))
