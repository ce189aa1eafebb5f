"""A CSV table as a data set."""

from __future__ import annotations

import pytest

from echoduet.data.manifest import build_manifest, open_data
from echoduet.data.sources import table
from echoduet.errors import ImageError, LayoutError, ManifestError
from echoduet.records import Label


@pytest.fixture
def root(tmp_path):
    table.write_miniature(tmp_path, 2)
    return tmp_path


def test_the_table_is_read_by_itself_or_through_its_folder(root):
    cases = build_manifest(root).cases
    assert open_data(root / "images.csv").cases == cases
    assert build_manifest(root / "images.csv", "table").cases == cases
    assert len(cases) == 12


def test_cells_become_cases(root):
    manifest = build_manifest(root)
    two = manifest.case("1")
    assert two.label is Label.MALIGNANT
    assert two.masks == (root / "truth" / "1_0.png", root / "truth" / "1_1.png")
    assert (two.patient, two.source) == ("p0", "table")
    assert manifest.case("2").masks == ()


@pytest.mark.parametrize("header", ["image,mask,label", "img_path;mask_path;class", "Filename,Masks,Pathology"])
def test_other_spellings_of_the_columns(tmp_path, header):
    separator = ";" if ";" in header else ","
    line = separator.join(["a.png", "m.png", "Benign"])
    (tmp_path / "t.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
    (case,) = table.read(tmp_path)
    assert (case.case_id, case.image, case.masks) == ("a", tmp_path / "a.png", (tmp_path / "m.png",))


def test_the_plain_name_wins_over_another_spelling(tmp_path):
    (tmp_path / "t.csv").write_text("file,image,label\nx.png,a.png,normal\n", encoding="utf-8")
    assert [case.image.name for case in table.read(tmp_path)] == ["a.png"]


def test_ids_may_be_given(tmp_path):
    (tmp_path / "t.csv").write_text("case_id,path,label,group\nfirst,a.png,normal,g\n", encoding="utf-8")
    (case,) = table.read(tmp_path / "t.csv")
    assert (case.case_id, case.group) == ("first", "g")


def test_two_tables_in_a_folder_are_one_too_many(root):
    (root / "again.csv").write_bytes((root / "images.csv").read_bytes())
    assert not table.recognise(root)
    with pytest.raises(LayoutError, match="holds 2 tables with columns image and label"):
        list(table.read(root))


def test_other_tables_do_not_count(root):
    (root / "scores.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (root / "broken.csv").write_bytes(b"\xff\xff\xff")
    (root / "empty.csv").touch()
    assert table.recognise(root)


def test_faults_are_named_by_line_and_file(root):
    (root / "scans" / "4.png").unlink()
    with pytest.raises(ImageError, match=r"4\.png: is missing"):
        build_manifest(root)
    lines = (root / "images.csv").read_text(encoding="utf-8").replace("NORMAL", "HEALTHY", 1)
    (root / "images.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"images\.csv, line 4: the class 'HEALTHY'"):
        build_manifest(root)
