from __future__ import annotations

import numpy as np
import pytest

from echoduet.evaluation.temperature import tempered
from echoduet.inference.uncertainty import class_spread, lesion_spread, outline_uncertainty


def test_readings_that_agree_have_no_spread(rng):
    one = rng.random((1, 8, 9)).astype(np.float32)
    same = np.repeat(one, 3, axis=0)
    np.testing.assert_allclose(lesion_spread(same), 0, atol=1e-7)
    assert outline_uncertainty(same, lesion_spread(same), 0.5) == pytest.approx(0, abs=1e-7)


def test_half_sure_of_a_lesion_and_half_of_none_is_the_most():
    readings = np.stack([np.zeros((4, 4)), np.ones((4, 4))]).astype(np.float32)
    assert lesion_spread(readings).dtype == np.float32
    np.testing.assert_array_equal(lesion_spread(readings), 0.5)
    assert outline_uncertainty(readings, lesion_spread(readings), 0.5) == 0.5


def test_only_pixels_that_a_reading_outlines_count():
    readings = np.zeros((2, 4, 4), np.float32)
    readings[0, 0, 0], readings[1, 0, 0] = 0.9, 0.7
    readings[0, 3, 3] = 0.4  # spread, but outlined by none
    assert outline_uncertainty(readings, lesion_spread(readings), 0.5) == pytest.approx(0.1)
    assert outline_uncertainty(readings, lesion_spread(readings), 0.95) == 0.0


def test_classes_are_spread_at_the_bundles_temperature():
    readings = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    np.testing.assert_allclose(class_spread(readings, 1.0), readings.std(axis=0))
    np.testing.assert_allclose(class_spread(readings, 2.0), tempered(readings, 2.0).std(axis=0))
    assert (class_spread(readings, 2.0) < class_spread(readings, 1.0)).any()
