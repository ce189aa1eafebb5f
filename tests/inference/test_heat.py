from __future__ import annotations

import numpy as np

from echoduet.inference.heat import AGAINST, FOR, as_gray, draw_explanation

IMAGE = np.full((10, 12), 100, np.uint8)


def nearer(pixel, colour):
    return np.abs(pixel.astype(int) - colour).sum() < np.abs(IMAGE[0, 0].astype(int) - np.array(colour)).sum()


def test_what_speaks_for_a_class_is_orange_and_what_against_it_blue():
    explanation = np.zeros(IMAGE.shape, np.float32)
    explanation[1, 1], explanation[8, 8] = 0.4, -0.4
    drawn = draw_explanation(IMAGE, explanation)
    assert nearer(drawn[1, 1], FOR)
    assert nearer(drawn[8, 8], AGAINST)
    assert (drawn[4, 4] == 100).all()


def test_the_loudest_place_is_densest_but_next_to_nothing_stays_pale():
    explanation = np.zeros(IMAGE.shape, np.float32)
    explanation[1, 1] = 0.1
    loud = draw_explanation(IMAGE, explanation)[1, 1].astype(int)
    faint = draw_explanation(IMAGE, explanation / 50)[1, 1].astype(int)
    assert np.abs(faint - 100).max() < 0.1 * np.abs(loud - 100).max()


def test_a_map_as_a_gray_picture():
    values = np.array([[0.0, 0.25, 0.5, 0.9, -1.0]], np.float32)
    np.testing.assert_array_equal(as_gray(values, 0.5), [[0, 128, 255, 255, 0]])
    assert as_gray(values).max() == 230
