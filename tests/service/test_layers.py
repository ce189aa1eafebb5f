"""Layers: PNG files that another decoder reads as what they stand for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from echoduet.records import Scan
from echoduet.service.layers import draw_layers, mask_picture, png, signed_picture
from echoduet.service.schemas import Layer


def decoded(content):
    """Decode with Pillow, which is not what encodes."""
    return np.asarray(Image.open(io.BytesIO(content)))


@given(arrays.arrays(np.uint8, st.sampled_from([(3, 5), (1, 1), (4, 2, 3)])))
def test_a_picture_is_kept_without_loss(picture):
    np.testing.assert_array_equal(decoded(png(picture)), picture)


@given(arrays.arrays(np.bool_, (4, 5)))
def test_a_mask_is_0_or_255(mask):
    np.testing.assert_array_equal(decoded(png(mask_picture(mask))), np.where(mask, 255, 0))


def test_what_was_answered_has_layers_of_the_frames_size(analysed, disc):
    image = disc((50, 70), 12)
    analysis = analysed(Scan("x", image))
    layers = draw_layers(analysis)
    expected = {Layer.IMAGE, Layer.MASK, Layer.MASK_RAW, Layer.PROBABILITY, Layer.UNCERTAINTY}
    assert set(layers.pictures) == expected
    assert {decoded(content).shape for content in layers.pictures.values()} == {(50, 70)}
    np.testing.assert_array_equal(decoded(layers.pictures[Layer.IMAGE]), image)
    np.testing.assert_array_equal(decoded(layers.pictures[Layer.MASK]) > 0, analysis.refined.mask)
    np.testing.assert_array_equal(decoded(layers.pictures[Layer.MASK_RAW]) > 0, analysis.raw.mask)
    np.testing.assert_allclose(decoded(layers.pictures[Layer.PROBABILITY]) / 255, analysis.lesion_map, atol=0.5 / 255)
    spread = decoded(layers.pictures[Layer.UNCERTAINTY]) / 510
    np.testing.assert_allclose(spread, analysis.uncertainty.spread, atol=0.5 / 510)
    assert layers.scale is None
    assert layers.size == sum(len(content) for content in layers.pictures.values())


def test_colours_are_shown_and_the_explanation_carries_its_scale(analysed, disc):
    image = disc()
    colour = np.repeat(image[:, :, None], 3, axis=2)
    colour[:9, :9] = (250, 30, 10)
    analysis = analysed(Scan("x", image, colour), explain=True)
    layers = draw_layers(analysis)
    np.testing.assert_array_equal(decoded(layers.pictures[Layer.IMAGE]), colour)
    values = (decoded(layers.pictures[Layer.EXPLANATION]).astype(float) - 128) / 127 * layers.scale
    np.testing.assert_allclose(values, analysis.explanation, atol=layers.scale / 250)
    assert layers.scale == pytest.approx(np.abs(analysis.explanation).max())


def test_an_explanation_of_nothing_is_gray():
    np.testing.assert_array_equal(signed_picture(np.zeros((2, 2), np.float32), 0.0), 128)
    np.testing.assert_array_equal(signed_picture(np.array([[-0.5, 0, 0.5]], np.float32), 0.5), [[1, 128, 255]])
