"""The tables in the documentation are those of the rows that are kept."""

from __future__ import annotations

import json

import pytest

import curation_tables as tables

PAGE = "Before.\n<!-- table: scale -->\nold\n<!-- end -->\nAfter <!-- table: rivals -->kept<!-- end -->."
ROW = {"images": 1000, "seconds": 2.0, "peak_gb": 0.5, "planted": 49, "found": 49, "others": 0, "search": 1.0}


def test_a_table_with_rows_is_made_anew_and_nothing_else_changes(tmp_path):
    file = tmp_path / tables.TABLES["scale"][0]
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps([ROW]))
    page = tables.filled(PAGE, tmp_path)
    assert "old" not in page
    assert "| 1000 | 2.0 | 1.0 | 2.0 | 0.5 | 49 | 49 | 1.000 | 0 |" in page
    assert page.startswith("Before.\n<!-- table: scale -->\n")
    assert page.endswith("<!-- end -->\nAfter <!-- table: rivals -->kept<!-- end -->.")
    assert tables.filled(page, tmp_path) == page


@pytest.mark.parametrize("name", tables.DOCS)
def test_the_pages_hold_the_rows_that_are_kept(name):
    page = (tables.ROOT / "docs" / name).read_text(encoding="utf-8")
    assert "<!-- table:" in page
    assert tables.filled(page) == page
