"""The cost model follows from the layout and fits what was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import curation_cost as model
from curation_scale import Row
from echoduet.curation.matching.settings import MatchSettings

SETTINGS = MatchSettings()


def row(images, search, seconds=None):
    return Row(images, seconds or 2 * search, 1.0, 49, 49, 0, search)


@given(st.floats(1e-3, 1e-1), st.floats(1e-11, 1e-8))
def test_the_constants_that_made_the_rows_are_found_again(each, comparison):
    made = [
        row(n, n * (each + comparison * SETTINGS.indexed * model.comparisons(n, SETTINGS)))
        for n in (1000, 10_000, 100_000)
    ]
    found = model.fitted(made, SETTINGS)
    assert (found.verifying, found.comparison) == pytest.approx((each, comparison), rel=1e-3)
    assert found.reading == pytest.approx(made[-1].search / 100_000)


def test_the_model_gives_back_what_was_measured():
    made = [row(10_000, 15, 80), row(100_000, 250, 760)]
    constants = model.fitted(made, SETTINGS)
    assert model.hours(100_000, constants, SETTINGS) * 3600 == pytest.approx(760, rel=0.15)


def test_constants_are_never_negative():
    found = model.fitted([row(1000, 30), row(10_000, 200), row(100_000, 1000)], SETTINGS)
    assert min(found.reading, found.verifying, found.comparison) >= 0


def test_bytes_are_proportional_to_images():
    for size in (model.memory_gb, model.disk_gb):
        assert size(10_000_000, SETTINGS) == pytest.approx(100 * size(100_000, SETTINGS))
    # One byte for each of 24 axes, at least.
    assert model.memory_gb(10**6, SETTINGS) > SETTINGS.indexed * 24 / 1000
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
