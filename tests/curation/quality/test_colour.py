"""Colour Doppler is told from coloured graphics and from tinted pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from echoduet.curation.quality.colour import doppler_score

YELLOW, RED, BLUE, GREEN = (230, 230, 0), (220, 30, 10), (10, 60, 220), (0, 220, 40)


@pytest.fixture
def scan(phantom, coloured):
    return coloured(phantom())


def test_a_gray_picture_scores_nothing(scan) -> None:
    assert doppler_score(scan) == 0


@pytest.mark.parametrize("flow", [RED, BLUE])
def test_flow_is_colour_doppler(scan, flow) -> None:
    cv2.circle(scan, (200, 150), 12, flow, -1)
    assert doppler_score(scan) > 0.6


@pytest.mark.parametrize("ink", [YELLOW, GREEN])
def test_coloured_letters_and_crosses_are_not(scan, ink) -> None:
    cv2.putText(scan, "RT UOQ", (50, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, 2)
    cv2.line(scan, (300, 100), (316, 100), ink, 3)
    cv2.line(scan, (308, 92), (308, 108), ink, 3)
    assert doppler_score(scan) < 0.3


def test_an_empty_colour_box_is_colour_doppler(scan) -> None:
    cv2.rectangle(scan, (100, 60), (300, 220), (150, 150, 90), 1)
    assert doppler_score(scan) == 1


def test_a_tint_of_the_whole_picture_is_none(scan) -> None:
    scan[..., 2] = scan[..., 2] // 2
    assert doppler_score(scan) == 0


def test_more_flow_scores_higher(scan) -> None:
    small, large = scan.copy(), scan.copy()
    cv2.circle(small, (200, 150), 4, RED, -1)
    cv2.circle(large, (200, 150), 30, RED, -1)
    assert 0 < doppler_score(small) < doppler_score(large) < 1


def test_a_single_coloured_pixel_is_noise(scan) -> None:
    scan[100, 100] = RED
    assert doppler_score(scan) == 0
    assert doppler_score(np.zeros((1, 1, 3), np.uint8)) == 0
