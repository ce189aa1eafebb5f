"""A resolved grid, and the names of its folders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from echoduet.config.grid import Grid, GridFile, Row, slug
from echoduet.config.load_grid import load_grid
from echoduet.config.presets import shipped_grids


@pytest.mark.parametrize(
    ("name", "folder"), [("ST(Seg)+DO", "st-seg-do"), ("MT", "mt"), ("192 px, Lite0", "192-px-lite0"), ("(+)", "")]
)
def test_slugs(name, folder):
    assert slug(name) == folder


@given(st.text())
def test_a_slug_is_a_folders_name_whatever_the_setting_is_called(name):
    assert set(slug(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug(slug(name)) == slug(name)


def test_a_row_knows_what_must_be_trained_for_it():
    assert Row(masks="a", classes="b", refined=True).settings == ("a", "b")
    assert Row(masks="a", classes="a", refined=False).settings == ("a",)
    assert Row(masks=None, classes="b", refined=False).settings == ("b",)


@pytest.mark.parametrize("name", shipped_grids())
def test_a_grid_survives_its_own_json(name):
    grid = load_grid(name)
    assert Grid.model_validate_json(grid.model_dump_json()) == grid
    assert list(Grid.model_validate_json(grid.model_dump_json()).rows) == list(grid.rows)


@pytest.mark.parametrize("sizes", [(), (8,), (128, "own"), (True,), (128.5,)])
def test_sizes_are_native_or_pixels(sizes):
    with pytest.raises(ValidationError, match="at_sizes"):
        GridFile.model_validate({"name": "g", "settings": {"a": {}}, "at_sizes": sizes})
