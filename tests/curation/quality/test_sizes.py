"""Odd sizes are odd within their data set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.sizes import FAR, oddness, size_scores
from echoduet.errors import ShapeError


def test_the_one_unlike_the_others_stands_out() -> None:
    scores = size_scores(np.array([(560, 470)] * 20 + [(300, 470), (1120, 940)]))
    assert all(one == {Issue.ODD_ASPECT: 0.0, Issue.ODD_SIZE: 0.0} for one in scores[:20])
    assert scores[20][Issue.ODD_ASPECT] > 0.8
    assert scores[21][Issue.ODD_ASPECT] == pytest.approx(0, abs=1e-9)
    assert scores[21][Issue.ODD_SIZE] > 0.8


def test_portrait_and_landscape_are_as_odd() -> None:
    scores = size_scores(np.array([(400, 400)] * 9 + [(400, 200), (200, 400)]))
    assert scores[-1] == pytest.approx(scores[-2])


def test_a_set_of_one_and_of_none() -> None:
    assert size_scores(np.array([(640, 480)])) == ({Issue.ODD_ASPECT: 0.0, Issue.ODD_SIZE: 0.0},)
    assert size_scores(np.zeros((0, 2), int)) == ()


@pytest.mark.parametrize("sizes", [[(0, 5)], [(3, -1)], [(1, 2, 3)]])
def test_sizes_that_are_none_are_refused(sizes) -> None:
    with pytest.raises(ShapeError, match="width and height above 0"):
        size_scores(np.array(sizes))


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30))
def test_the_score_follows_from_scipys_robust_z(values) -> None:
    x = np.array(values)
    spread = max(median_abs_deviation(x), 0.02)
    z = 0.6745 * np.abs(x - np.median(x)) / spread
    assert oddness(x) == pytest.approx(z / (z + FAR))


def test_a_z_of_three_and_a_half_scores_one_half() -> None:
    x = np.array([-1.0, -1.0, 0.0, 1.0, FAR / 0.6745])
    assert oddness(x)[-1] == pytest.approx(0.5)
