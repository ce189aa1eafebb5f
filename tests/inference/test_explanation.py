from __future__ import annotations

import numpy as np
import pytest

from echoduet.inference.explanation import explain
from echoduet.inference.runtime import Readings
from echoduet.records import Label


class LooksAt:
    """Malignant as far as the square at `place` is bright; counts the pictures of each call."""

    name = "by hand"
    background = False
    members = 1

    def __init__(self, place=(slice(8, 24), slice(36, 52)), classes=True):
        self.place, self.classes, self.calls = place, classes, []

    def read(self, images):
        self.calls.append(len(images))
        bright = images[(slice(None), *self.place)].mean(axis=(1, 2)) / 255
        malignant = 0.1 + 0.8 * bright
        classes = np.stack([1 - malignant, malignant, np.zeros_like(malignant)], axis=1)
        return Readings(None, classes[:, None] if self.classes else None)


@pytest.fixture
def image():
    picture = np.zeros((64, 64), np.uint8)
    picture[8:24, 36:52] = 255
    return picture


def test_the_place_that_decides_stands_out(image):
    found = explain(LooksAt(), image, Label.MALIGNANT)
    assert found.shape == image.shape
    assert found.dtype == np.float32
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 8 <= row < 24
    assert 36 <= column < 52
    assert found.max() > 0.2
    np.testing.assert_allclose(found[48:, :16], 0, atol=1e-6)


def test_what_speaks_for_one_class_speaks_against_the_other(image):
    malignant, benign = (explain(LooksAt(), image, label) for label in (Label.MALIGNANT, Label.BENIGN))
    np.testing.assert_allclose(malignant, -benign, atol=1e-6)
    assert np.abs(malignant).max() <= 1


def test_a_picture_with_nothing_in_it_has_no_explanation_of_any_height():
    flat = explain(LooksAt(), np.full((64, 64), 90, np.uint8), Label.MALIGNANT)
    np.testing.assert_allclose(flat, 0, atol=1e-3)


def test_the_map_does_not_depend_on_the_batch_which_is_never_larger_than_asked(image):
    small, large = LooksAt(), LooksAt()
    np.testing.assert_allclose(
        explain(small, image, Label.MALIGNANT, batch_size=3), explain(large, image, Label.MALIGNANT, batch_size=200)
    )
    assert max(small.calls) == 3
    assert sum(small.calls) == sum(large.calls) == 82


def test_a_higher_temperature_flattens_the_map(image):
    cool, hot = (explain(LooksAt(), image, Label.MALIGNANT, temperature=t).max() for t in (1.0, 3.0))
    assert hot < cool


def test_a_network_without_classes_has_nothing_to_explain(image):
    assert explain(LooksAt(classes=False), image, Label.MALIGNANT) is None
