"""Borders, panels and wedges, each drawn around a phantom."""

from __future__ import annotations

import numpy as np
import pytest

from echoduet.curation.quality.frame import border_score, panel_score, wedge_score

SCORES = (border_score, panel_score, wedge_score)


@pytest.fixture
def scan(phantom):
    # Nothing black, so that every edge of the picture shows something.
    return np.maximum(phantom(3), 30)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(1, 6))  # phantom 0 has wedges
def test_a_plain_phantom_scores_low(phantom, score, seed) -> None:
    assert score(phantom(seed)) < 0.4


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("depth", [1, 25])
def test_a_strip_of_the_screen_is_found_on_each_edge(scan, turns, depth) -> None:
    framed = np.pad(scan, ((depth, 0), (0, 0)), constant_values=2)
    assert border_score(np.rot90(framed, turns)) > 0.8


def test_letters_on_the_strip_do_not_hide_it(scan) -> None:
    framed = np.pad(scan, ((30, 0), (0, 0)), constant_values=2)
    framed[10:20, 40:70] = 220
    assert border_score(framed) > 0.8


def test_a_shadow_that_fades_is_no_border(scan) -> None:
    fading = (scan * np.linspace(1, 0, len(scan))[:, None]).astype(np.uint8)
    fading[-20:] = 0
    assert border_score(fading) < 0.4


@pytest.mark.parametrize("gutter", [0, 1, 12])
def test_two_panels_side_by_side(phantom, gutter) -> None:
    left, right = (np.maximum(phantom(seed)[:300], 30) for seed in (1, 2))
    between = np.zeros((300, gutter), np.uint8)
    assert panel_score(np.hstack([left, between, np.maximum(right, left.max() // 2)])) > 0.7 or gutter == 0
    if gutter:
        assert panel_score(np.hstack([left, between, right])) > 0.7


def test_panels_above_one_another(phantom) -> None:
    top, bottom = (np.maximum(phantom(seed)[:200], 30) for seed in (1, 2))
    assert panel_score(np.vstack([top, np.zeros((8, 560), np.uint8), bottom])) > 0.7


def test_panels_of_unlike_brightness_that_touch(phantom) -> None:
    dark = np.maximum(phantom(1)[:300], 30) // 3
    assert panel_score(np.hstack([dark, 150 + dark])) > 0.7


@pytest.mark.parametrize("turns", range(4))
def test_a_black_triangle_in_a_corner_is_a_wedge(scan, turns) -> None:
    rows, columns = np.ogrid[: scan.shape[0], : scan.shape[1]]
    cut = scan.copy()
    cut[columns + 0.6 * rows < 90] = 0
    assert wedge_score(np.rot90(cut, turns)) > 0.6
    assert wedge_score(np.rot90(scan, turns)) == 0


def test_a_ragged_dark_corner_is_no_wedge(scan) -> None:
    rng = np.random.default_rng(0)
    ragged = scan.copy()
    for row, end in enumerate(rng.integers(5, 150, 120)):
        ragged[row, :end] = 0
    assert wedge_score(ragged) < 0.4


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 4)])
@pytest.mark.parametrize("score", SCORES)
def test_the_smallest_pictures_have_scores(score, shape) -> None:
    for value in (0, 128, 255):
        assert 0 <= score(np.full(shape, value, np.uint8)) <= 1
