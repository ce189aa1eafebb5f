"""Troubles of outlines, each drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_fill_holes, label

from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.masks import MASK_ISSUES, SPECK, holes_share, mask_scores
from echoduet.records import Label

SHAPE = (200, 240)


def scores_of(mask, of=Label.BENIGN):
    return mask_scores(mask, of)


def test_a_round_lesion_has_no_trouble(disc) -> None:
    assert scores_of(disc(SHAPE, 100, 120, 40)) == pytest.approx(dict.fromkeys(MASK_ISSUES, 0.0), abs=0.03)


def test_an_empty_mask_has_none_either() -> None:
    assert scores_of(np.zeros(SHAPE, bool)) == dict.fromkeys(MASK_ISSUES, 0.0)


def test_specks_are_fragments_and_a_second_lesion_is_not(disc) -> None:
    lesion, second = disc(SHAPE, 80, 80, 30), disc(SHAPE, 80, 180, 20)
    specks = np.zeros(SHAPE, bool)
    specks[5, 5] = specks[180, 200] = True
    found = [scores_of(mask)[Issue.MASK_FRAGMENTS] for mask in (lesion | second, lesion | second | specks)]
    assert found == [0.0, 0.75]


def test_whatever_is_outlined_in_a_normal_image_is_a_fragment(disc) -> None:
    assert scores_of(disc(SHAPE, 80, 80, 30), Label.NORMAL)[Issue.MASK_FRAGMENTS] == 0.5


def test_holes_are_measured_by_their_area(disc) -> None:
    ring = disc(SHAPE, 100, 120, 40) & ~disc(SHAPE, 100, 120, 20)
    assert scores_of(ring)[Issue.MASK_HOLES] == pytest.approx(0.25, abs=0.01)


def test_the_edge_is_touched_by_a_share_of_the_extent(disc) -> None:
    half = disc(SHAPE, 0, 120, 40)
    assert scores_of(half)[Issue.MASK_EDGE] == pytest.approx(1.0)
    assert 0 < scores_of(disc(SHAPE, 35, 120, 40))[Issue.MASK_EDGE] < 0.7
    for turn in range(4):
        assert scores_of(np.rot90(half, turn))[Issue.MASK_EDGE] == pytest.approx(1.0)


def test_smaller_is_smaller(disc) -> None:
    small = [scores_of(disc(SHAPE, 100, 120, radius))[Issue.MASK_SMALL] for radius in (2, 5, 9, 30)]
    assert small == sorted(small, reverse=True)
    assert small[0] > 0.8
    assert small[-1] == 0


@pytest.mark.parametrize("turned", [False, True])
def test_a_rectangle_is_rectangular_however_it_is_turned(turned) -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    y, x = rows - 100, columns - 120
    if turned:
        y, x = 0.8 * y + 0.6 * x, 0.8 * x - 0.6 * y
    box = (np.abs(y) < 30) & (np.abs(x) < 45)
    ellipse = (y / 30) ** 2 + (x / 45) ** 2 < 1
    assert scores_of(box)[Issue.MASK_RECTANGULAR] > 0.85
    assert scores_of(ellipse)[Issue.MASK_RECTANGULAR] < 0.1


@given(arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_scores_agree_with_scipy_on_any_mask(mask) -> None:
    scores = mask_scores(mask, Label.MALIGNANT)
    assert set(scores) == set(MASK_ISSUES)
    assert all(0 <= score <= 1 for score in scores.values())
    if not mask.any():
        return
    filled = binary_fill_holes(mask)
    assert holes_share(mask.astype(np.uint8)) == pytest.approx(1 - mask.sum() / filled.sum())
    parts, count = label(mask, np.ones((3, 3)))
    areas = np.bincount(parts.ravel())[1 : count + 1]
    assert scores[Issue.MASK_FRAGMENTS] == 1 - 0.5 ** np.count_nonzero(areas < SPECK * areas.max())
