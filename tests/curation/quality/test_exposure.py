"""Blank, burnt out and flat pictures."""

from __future__ import annotations

import numpy as np
import pytest

from echoduet.curation.quality.exposure import blank_score, exposure_scores


@pytest.mark.parametrize("value", [0, 90, 255])
def test_one_gray_value_is_blank(value) -> None:
    assert blank_score(np.full((200, 300), value, np.uint8)) == 1


def test_the_blank_share_is_the_share_without_texture(phantom) -> None:
    image = np.random.default_rng(0).integers(0, 255, (320, 320)).astype(np.uint8)
    image[160:] = 0
    assert blank_score(image) == pytest.approx(0.5)
    assert blank_score(phantom()) < 0.3


def test_the_burnt_out_share_is_counted() -> None:
    image = np.full((100, 100), 100, np.uint8)
    image[:, :10] = 255
    assert exposure_scores(image)[0] == pytest.approx(0.1)


def test_contrast_falls_with_the_range_of_gray_values(phantom) -> None:
    image = phantom()
    flat = [exposure_scores((100 + (image - 100.0) * gain).clip(0, 255).astype(np.uint8))[1] for gain in (1, 0.5, 0.1)]
    assert flat == sorted(flat)
    assert flat[-1] > 0.8
    assert exposure_scores(np.full((20, 20), 7, np.uint8))[1] == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (5, 5)])
def test_small_pictures_have_scores(shape) -> None:
    image = np.zeros(shape, np.uint8)
    assert blank_score(image) == 1
    assert exposure_scores(image) == (0.0, 1.0)
