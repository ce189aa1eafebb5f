"""Rows of a curation's tables."""

from __future__ import annotations

import pytest

from echoduet.errors import ManifestError
from echoduet.service.review_tables import table_rows


def test_a_row_knows_its_cells_and_where_it_stands(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text('cases,value,mirrored\n"a;;b, c",0.5,1\nd,,0\n', encoding="utf-8")
    first, second = table_rows(path, ("cases", "value"))
    assert first.ids("cases") == ("a", "b, c")
    assert (first.number("value", 1), second.number("value", 1)) == (0.5, 1)
    assert (first.truth("mirrored"), second.truth("mirrored")) == (True, False)
    assert second.text("nothing") == ""
    assert second.where == f"{path}, line 3"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"case_id\na\n", "has no column 'value'"),
        (b"", "has no column 'case_id'"),
        (b"case_id,value\na,1,2\n", r"line 2: has too many or too few cells"),
        (b"case_id,value\na\n", r"line 2: has too many or too few cells"),
        (b"case_id,value\n\xff,1\n", "cannot be read"),
        (b'case_id,value\n"a"b,1\n', "cannot be read"),
    ],
)
def test_a_damaged_table_is_told(tmp_path, content, why):
    (tmp_path / "issues.csv").write_bytes(content)
    with pytest.raises(ManifestError, match=rf"issues\.csv.*{why}"):
        list(table_rows(tmp_path / "issues.csv", ("case_id", "value")))


def test_a_folder_that_is_no_curation_is_told(tmp_path):
    with pytest.raises(ManifestError, match=r"pairs\.csv: is missing, so .* holds no finished curation"):
        list(table_rows(tmp_path / "pairs.csv", ("case_a",)))


def test_a_cell_that_is_no_number_is_told(tmp_path):
    (tmp_path / "pairs.csv").write_text("dx\nfar\n")
    (row,) = table_rows(tmp_path / "pairs.csv", ("dx",))
    with pytest.raises(ManifestError, match="line 2: 'dx' is 'far', not a number"):
        row.number("dx", 0)


def test_a_cell_may_hold_ten_thousand_ids(tmp_path):
    ids = tuple(f"a rather long name of a case ({n})" for n in range(10_000))
    (tmp_path / "findings.csv").write_text("cases\n" + ";".join(ids) + "\n")
    assert next(table_rows(tmp_path / "findings.csv", ("cases",))).ids("cases") == ids
