from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.errors import ShapeError, StatisticsError
from echoduet.statistics.samples import answers, group_means, paired_scores, scores, without_spread

TAGGED = st.lists(st.tuples(st.floats(-5, 5), st.one_of(st.none(), st.sampled_from("abc"))), min_size=1, max_size=20)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, None])
def test_an_undefined_score_is_refused_and_counted(odd):
    with pytest.raises(StatisticsError, match=r"^1 of 3 scores are undefined or infinite"):
        scores([0.1, odd, 0.3])


def test_no_scores_are_refused():
    with pytest.raises(StatisticsError, match="no scores"):
        scores([])


def test_a_table_is_not_a_column():
    with pytest.raises(ShapeError, match=r"\(2, 2\) have 2 axes, where 1 "):
        scores(np.eye(2))


def test_columns_of_different_length_do_not_pair():
    with pytest.raises(ShapeError, match="2 scores of the second arm for 3 cases"):
        paired_scores([1, 2, 3], [1, 2])


def test_answers_are_booleans_or_ones_and_zeros():
    for given_as in ([True, False], [1, 0], [1.0, 0.0]):
        np.testing.assert_array_equal(answers(given_as), [True, False])
    with pytest.raises(StatisticsError, match="threshold"):
        answers([0.7, 0.2])


def test_rounding_is_no_spread():
    assert without_spread(np.array([0.3 - 0.2, 0.2 - 0.1, 0.1]))
    assert without_spread(1e6 + np.array([0.3 - 0.2, 0.2 - 0.1]))
    assert not without_spread(np.array([0.1, 0.1 + 1e-9]))


@given(TAGGED)
def test_the_mean_of_a_group_is_that_of_its_cases(tagged):
    values, groups = zip(*tagged, strict=True)
    means = group_means(values, groups)
    expected = []
    for position, group in enumerate(groups):
        if group is None:
            expected.append(values[position])
        elif group not in groups[:position]:
            expected.append(np.mean([v for v, g in tagged if g == group]))
    np.testing.assert_allclose(means, expected, atol=1e-12)


def test_groups_of_a_table_keep_its_systems(rng):
    table, groups = rng.random((6, 3)), ["a", "b", "a", None, "b", None]
    means = group_means(table, groups)
    assert means.shape == (4, 3)
    for system in range(3):
        np.testing.assert_allclose(means[:, system], group_means(table[:, system], groups))
    np.testing.assert_allclose(means[0], table[[0, 2]].mean(axis=0))


def test_a_group_for_every_case():
    with pytest.raises(ShapeError, match="1 groups for 2 cases"):
        group_means([0.1, 0.2], ["a"])
