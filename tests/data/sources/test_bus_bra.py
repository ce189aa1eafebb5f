"""The BUS-BRA layout: a table, patients, and sizes that are not to be trusted."""

from __future__ import annotations

import csv

import pytest

from echoduet.data.manifest import build_manifest
from echoduet.data.sources import bus_bra
from echoduet.errors import ImageError, ManifestError
from echoduet.records import Label


@pytest.fixture
def root(tmp_path):
    bus_bra.write_miniature(tmp_path, 2)
    return tmp_path


def test_the_table_gives_class_patient_and_files(root):
    cases = list(bus_bra.read(root))
    assert [case.case_id for case in cases[:3]] == ["bus_0001-l", "bus_0001-r", "bus_0002-l"]
    assert [case.patient for case in cases[:3]] == ["1", "1", "2"]
    assert cases[0].masks == (root / "Masks" / "mask_0001-l.png",)
    assert {case.label for case in cases} == {Label.BENIGN, Label.MALIGNANT}
    assert len({case.patient for case in cases}) == 8


def test_sizes_are_those_of_the_files_not_of_the_table(root):
    with (root / "bus_data.csv").open(newline="", encoding="utf-8") as stream:
        table = {row["ID"]: int(row["Height"]) for row in csv.DictReader(stream)}
    wrong = [case for case in build_manifest(root) if case.height != table[case.case_id]]
    assert [(case.case_id, case.height, table[case.case_id]) for case in wrong] == [("bus_0008-s", 72, 70)]


def test_the_official_folds_lie_beside_and_keep_patients_together(root):
    with (root / "5-fold-cv.csv").open(newline="", encoding="utf-8") as stream:
        folds = {row["ID"]: row["kFold"] for row in csv.DictReader(stream)}
    assert folds["bus_0003-l"] == folds["bus_0003-r"]
    assert folds.keys() == {case.case_id for case in bus_bra.read(root)}


def test_a_row_without_its_file_is_named(root):
    (root / "Images" / "bus_0004-r.png").unlink()
    with pytest.raises(ImageError, match=r"bus_0004-r\.png: is missing"):
        build_manifest(root)


def test_an_unknown_pathology_is_named_by_line(root):
    table = root / "bus_data.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("malignant", "unclear", 1), encoding="utf-8")
    with pytest.raises(ManifestError, match=r"bus_data\.csv, line 4: the class 'unclear'"):
        list(bus_bra.read(root))
