"""The cost model follows from the layout and fits what was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import curation_cost as model
from curation_scale import Row
from echoduet.curation.matching.settings import MatchSettings

SETTINGS = MatchSettings()


def row(images, seconds):
    return Row(images, seconds, 1.0, 49, 49, 0)


@given(st.floats(1e-3, 1e-1), st.floats(1e-11, 1e-8))
def test_the_constants_that_made_the_rows_are_found_again(each, comparison):
    made = [
        row(n, n * (each + comparison * SETTINGS.indexed * model.comparisons(n, SETTINGS)))
        for n in (1000, 10_000, 100_000)
    ]
    assert model.fitted(made, SETTINGS) == pytest.approx((each, comparison), rel=1e-3)


def test_constants_are_never_negative():
    assert min(model.fitted([row(1000, 30), row(10_000, 200), row(100_000, 1000)], SETTINGS)) >= 0


def test_bytes_are_proportional_to_images():
    for size in (model.memory_gb, model.disk_gb):
        assert size(10_000_000, SETTINGS) == pytest.approx(100 * size(100_000, SETTINGS))
    # One byte for each of 64 dimensions, at least.
    assert model.memory_gb(10**6, SETTINGS) > SETTINGS.indexed * 64 / 1000
    assert model.disk_gb(10**6, SETTINGS) > 2 * SETTINGS.side**2 / 1000


def test_small_sets_compare_everything_and_larger_ones_look_into_cells():
    assert model.cells(100, SETTINGS) == 1
    assert model.comparisons(100, SETTINGS) == 100 * SETTINGS.indexed / 2
    assert 1 < model.cells(10_000, SETTINGS) < model.cells(100_000, SETTINGS)
    assert model.comparisons(100_000, SETTINGS) < 100_000 * SETTINGS.indexed / 100


def test_the_table_reaches_ten_million():
    table = model.markdown([row(1000, 12), row(10_000, 120)], SETTINGS).splitlines()
    assert table[len(model.SIZES) + 1].startswith("| 10,000,000 |")
    assert len({line.count("|") for line in table[: len(model.SIZES) + 2]}) == 1
