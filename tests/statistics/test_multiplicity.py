from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from echoduet.errors import StatisticsError
from echoduet.statistics.multiplicity import holm

P = st.floats(0, 1)


@pytest.mark.parametrize("m", [1, 2, 3, 7, 40])
def test_holm_is_that_of_statsmodels(rng, m):
    # Small ones, so that not all become 1; rounded, so that some tie. Few families, since theirs takes a while.
    p_values = (rng.random(m) ** 4).round(2).tolist()
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-15)


@given(st.lists(st.one_of(P, st.none()), max_size=20))
def test_comparisons_not_made_stay_none_and_do_not_count(p_values):
    adjusted = holm(p_values)
    assert [p is None for p in adjusted] == [p is None for p in p_values]
    assert [p for p in adjusted if p is not None] == holm([p for p in p_values if p is not None])


@given(st.lists(P, min_size=1, max_size=20))
def test_adjusting_never_lowers_a_p_nor_changes_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    by_p = [adjusted[i] for i in np.argsort(p_values, kind="stable")]
    assert by_p == sorted(by_p)


def test_a_worked_example():
    assert holm([0.01, None, 0.04, 0.03]) == [0.03, None, 0.06, 0.06]


def test_the_chance_of_any_false_alarm_stays_below_the_level():
    rng = np.random.default_rng(0)
    families = rng.random((2000, 8))
    alarms = np.mean([min(holm(family)) <= 0.05 for family in families.tolist()])
    assert 0.03 <= alarms <= 0.065
    assert np.mean(families.min(axis=1) <= 0.05) > 0.3


@pytest.mark.parametrize("odd", [float("nan"), -0.1, 1.1])
def test_what_is_no_p_value_is_refused(odd):
    with pytest.raises(StatisticsError, match="not between 0 and 1"):
        holm([0.5, odd])
