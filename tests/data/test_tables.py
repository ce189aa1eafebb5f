"""Rows of CSV and XLSX tables."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoduet.data.tables import Row, case_of, read_csv, read_xlsx, resolved
from echoduet.errors import ManifestError
from echoduet.files import write_csv
from echoduet.records import Label

# Python's writer does not quote a lone carriage return (CPython before 3.13), so no reader could get it back.
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)


def row(**cells):
    return Row("table.csv, line 2", cells)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_marks_and_line_ends_are_understood(tmp_path, separator, start, end):
    lines = [["Image", " Label "], ["a.png", "benign"], [], ["b c.png", " normal"]]
    text = start + end.join(separator.join(line) for line in lines)
    (tmp_path / "t.csv").write_bytes(text.encode())
    rows = read_csv(tmp_path / "t.csv", ("image", "label"))
    assert [(r.text("image"), r.text("label")) for r in rows] == [("a.png", "benign"), ("b c.png", "normal")]
    assert rows[1].where.endswith("t.csv, line 4")


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
@settings(max_examples=25)  # each writes files
def test_what_is_written_as_csv_is_read(tmp_path_factory, cells):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    write_csv(path, ("a", "b", "c"), [{"a": "x", "b": b, "c": c} for b, c in cells])
    rows = read_csv(path, ("a", "b"))
    assert [(r.text("b"), r.text("c")) for r in rows] == [(b.strip(), c.strip()) for b, c in cells]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no column 'image'. Its columns are none"),
        (b"a,b\n1,2\n", "has no column 'image'. Its columns are a, b"),
        (b"image,label\na.png,benign,more\n", "line 2: has 3 cells under 2 columns"),
        (b"image,label\n\xff\xfe,x\n", "is not UTF-8 text"),
        (b'image,label\n"a.png,benign\n', "is no readable CSV table"),
    ],
)
def test_faulty_tables_are_named(tmp_path, content, said):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        read_csv(tmp_path / "t.csv", ("image", "label"))
    assert "t.csv" in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"gone\.csv: cannot be read"):
        read_csv(tmp_path / "gone.csv", ())


def test_workbooks_are_read_as_text(tmp_path):
    book = openpyxl.Workbook()
    for line in [["CaseID", "Name"], [1, "a.png"], [None, None], [3, None]]:
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    rows = read_xlsx(tmp_path / "t.xlsx", ("caseid", "name"))
    assert [(r.text("caseid"), r.text("name")) for r in rows] == [("1", "a.png"), ("3", "")]
    with pytest.raises(ManifestError, match=r"t\.xlsx: has no column 'age'"):
        read_xlsx(tmp_path / "t.xlsx", ("age",))


@pytest.mark.parametrize("content", [b"", b"PK but no archive"])
def test_faulty_workbooks_are_named(tmp_path, content):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(ManifestError, match=r"t\.xlsx: is no readable XLSX"):
        read_xlsx(tmp_path / "t.xlsx", ())


def test_a_row_becomes_a_case():
    cells = {"image": "i/a b.png", "masks": "m/1.png; m/2.png", "label": "Malignant", "patient": "p1", "width": "12"}
    case = case_of(row(**cells), Path("/data"))
    assert case.case_id == "a b"
    assert case.image == Path("/data/i/a b.png")
    assert case.masks == (Path("/data/m/1.png"), Path("/data/m/2.png"))
    assert (case.label, case.patient, case.group, case.width, case.height) == (Label.MALIGNANT, "p1", None, 12, 0)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"image": "", "label": "benign"}, "'image' is empty"),
        ({"image": "a.png", "label": ""}, "'label' is empty"),
        ({"image": "a.png", "label": "cyst"}, "the class 'cyst' is none of benign, malignant, normal"),
        ({"image": "a.png", "label": "benign", "width": "wide"}, "'width' is 'wide', not a whole number"),
        ({"image": "a.png", "label": "benign", "height": "-4"}, "'height' is '-4', not a whole number"),
    ],
)
def test_faulty_rows_are_named(cells, said):
    with pytest.raises(ManifestError) as caught:
        case_of(row(**cells), Path())
    assert str(caught.value).startswith("table.csv, line 2: ")
    assert said in str(caught.value)


def test_paths_of_both_systems_start_at_the_folder():
    assert resolved(Path("/data/x"), "../y/a.png") == Path("/data/y/a.png")
    assert resolved(Path("/data/x"), "y\\a.png") == Path("/data/x/y/a.png")
    assert resolved(Path("/data/x"), "/else/a.png") == Path("/else/a.png")
