from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.statistics.intervals import (
    group_bootstrap,
    group_numbers,
    group_weights,
    percentile_interval,
    weighted_mean,
)

GROUPS = st.lists(st.one_of(st.none(), st.sampled_from("abc")), min_size=1, max_size=20)


@given(GROUPS)
def test_a_group_is_drawn_whole_and_as_many_are_drawn_as_there_are(groups):
    numbers = group_numbers(groups)
    weights = group_weights(groups, n_boot=8)
    assert weights.shape == (8, len(groups))
    counts = []
    for number in range(numbers.max() + 1):
        of_group = weights[:, numbers == number]
        assert (of_group == of_group[:, :1]).all()
        counts.append(of_group[:, 0])
    np.testing.assert_array_equal(np.sum(counts, axis=0), numbers.max() + 1)


def test_a_case_without_a_group_stands_alone():
    np.testing.assert_array_equal(group_numbers(["a", None, "a", None, "b"]), [0, 1, 0, 2, 3])


def test_a_group_named_like_a_position_is_not_taken_for_it():
    np.testing.assert_array_equal(group_numbers([None, 0, 0]), [0, 1, 1])


def test_the_same_seed_draws_the_same_and_another_does_not():
    groups = list(range(30))
    np.testing.assert_array_equal(group_weights(groups, 5, 1), group_weights(groups, 5, 1))
    assert (group_weights(groups, 5, 1) != group_weights(groups, 5, 2)).any()


def test_the_interval_of_a_mean_is_that_of_scipy(rng):
    from scipy.stats import bootstrap

    values = rng.normal(0.7, 0.2, 120)
    ours = group_bootstrap(values, [None] * 120, n_boot=4000)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=rng).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_copies_do_not_narrow_the_interval(rng):
    values = rng.normal(0.7, 0.2, 60)
    scans = list(range(60))
    once = group_bootstrap(values, scans, n_boot=2000)
    copied = group_bootstrap(np.repeat(values, 4), np.repeat(scans, 4).tolist(), n_boot=2000)
    mistaken = group_bootstrap(np.repeat(values, 4), [None] * 240, n_boot=2000)
    assert copied == pytest.approx(once)
    assert mistaken[1] - mistaken[0] < 0.6 * (once[1] - once[0])


def test_it_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        patients = rng.normal(0.5, 0.2, 40)
        values = np.repeat(patients, 3) + rng.normal(0, 0.1, 120)
        low, high = group_bootstrap(values, np.repeat(np.arange(40), 3).tolist(), n_boot=300, seed=seed)
        hits += low <= 0.5 <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_a_statistic_may_be_any_function_of_weights(rng):
    values = rng.random(50)
    groups = [None] * 50
    largest = group_bootstrap(lambda weights: np.where(weights > 0, values, 0).max(axis=-1), groups)
    assert largest[1] == values.max()
    assert group_bootstrap(weighted_mean(values), groups) == group_bootstrap(values, groups)


def test_a_wider_level_gives_a_wider_interval(rng):
    values = rng.random(40)
    narrow, wide = (group_bootstrap(values, [None] * 40, level=level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_resamples_that_leave_it_undefined_are_left_out():
    assert percentile_interval(np.array([np.nan, 2.0, 2.0])) == (2.0, 2.0)
    assert percentile_interval(np.array([np.nan])) is None


@pytest.mark.parametrize(("groups", "n_boot"), [(["a", "a", "a"], 100), ([None, None, None], 0)])
def test_nothing_to_resample_gives_no_interval(groups, n_boot):
    assert group_bootstrap([0.1, 0.2, 0.3], groups, n_boot) is None


def test_no_cases_give_no_interval_and_no_error():
    assert group_bootstrap([], []) is None
    assert group_weights([], 3).shape == (3, 0)
    assert np.isnan(weighted_mean([])(np.zeros(0)))
