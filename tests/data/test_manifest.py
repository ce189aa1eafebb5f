"""The manifest: order, ids, the file that moves with its folder, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.images import write_png
from echoduet.data.manifest import (
    COLUMNS,
    Manifest,
    build_manifest,
    is_manifest,
    list_cases,
    open_data,
    read_manifest,
    write_manifest,
)
from echoduet.data.masks import read_mask
from echoduet.errors import DataError, ImageError, LayoutError, ManifestError, OutputError
from echoduet.records import CLASSES, Case, Label


def case(case_id, label=Label.NORMAL, masks=()):
    return Case(case_id, Path(f"/data/{case_id}.png"), tuple(map(Path, masks)), label)


@pytest.fixture
def table(miniature_busi):
    """The manifest of the miniature, written beside its class folders."""
    path = miniature_busi / "manifest.csv"
    write_manifest(build_manifest(miniature_busi), path)
    return path


def edited(table, column, value, line=0):
    """Change one cell of a manifest file."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    rows[line][column] = value
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return table


def test_cases_stand_by_class_then_number():
    cases = [case("n1"), case("m2", Label.MALIGNANT), case("b (10)", Label.BENIGN), case("b (9)", Label.BENIGN)]
    manifest = Manifest(tuple(cases), "here")
    assert [one.case_id for one in manifest] == ["b (9)", "b (10)", "m2", "n1"]
    assert len(manifest) == 4


def test_an_id_stands_once():
    with pytest.raises(ManifestError, match=r"/data/a\.png: has the id 'a' of /data/a\.png. Rename"):
        Manifest((case("a"), case("a", Label.BENIGN)))


def test_a_case_is_found_or_its_nearest_named():
    manifest = Manifest((case("benign (1)"), case("normal (3)")), "BUSI")
    assert manifest.case("normal (3)").label is Label.NORMAL
    with pytest.raises(ManifestError, match=r"BUSI: has no case 'normal \(33\)'; did you mean 'normal \(3\)'\?"):
        manifest.case("normal (33)")


@given(st.sets(st.integers(0, 30), min_size=1), st.randoms())
def test_a_selection_keeps_the_order_and_the_source(numbers, random):
    manifest = Manifest(tuple(case(f"c{n}", CLASSES[n % 3]) for n in range(31)), "somewhere")
    wanted = [f"c{n}" for n in numbers]
    random.shuffle(wanted)
    chosen = manifest.select([*wanted, wanted[0]])
    assert [one.case_id for one in chosen] == [one.case_id for one in manifest if one.case_id in wanted]
    assert chosen.source == "somewhere"


def test_a_selection_of_an_unknown_case_is_refused():
    with pytest.raises(ManifestError, match="has no case 'x'"):
        Manifest((case("a"),)).select(["a", "x"])


def test_a_built_manifest_knows_sizes_and_sums(miniature_busi):
    manifest = build_manifest(miniature_busi)
    assert manifest.source == "busi"
    first = manifest.case("benign (1)")
    assert (first.width, first.height) == (88, 72)
    assert first.sha256 == hashlib.sha256(first.image.read_bytes()).hexdigest()
    assert len(manifest.case("malignant (2)").masks) == 2


def test_what_is_written_is_read(table, miniature_busi):
    assert read_manifest(table).cases == build_manifest(miniature_busi).cases
    assert is_manifest(table)
    with table.open(encoding="utf-8") as stream:
        assert stream.readline().strip() == ",".join(COLUMNS)


def test_patient_and_group_are_kept(tmp_path, table):
    first, *others = read_manifest(table)
    tied = Case(**{name: getattr(first, name) for name in COLUMNS} | {"patient": "p;1", "group": 'g "2", b'})
    write_manifest(Manifest((tied, *others)), table)
    read = read_manifest(table).case(first.case_id)
    assert (read.patient, read.group) == ("p;1", 'g "2", b')
    assert read_manifest(table).case(others[0].case_id).group is None


def test_a_manifest_moves_with_its_folder(table, miniature_busi, tmp_path):
    moved = tmp_path / "elsewhere" / "data"
    shutil.move(miniature_busi, moved)
    manifest = read_manifest(moved / "manifest.csv")
    assert all(case.image.is_relative_to(moved) for case in manifest)
    for one in manifest:
        assert read_mask(one.masks, (one.height, one.width)).any() == (one.label is not Label.NORMAL)


def test_a_manifest_may_stand_outside_the_folder(miniature_busi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = build_manifest(Path("Dataset_BUSI_with_GT"))
    write_manifest(manifest, Path("tables/deep/m.csv"))
    assert "../../Dataset_BUSI_with_GT/benign/benign (1).png" in Path("tables/deep/m.csv").read_text(encoding="utf-8")
    assert len(read_manifest(Path("tables/deep/m.csv"))) == len(manifest)


def test_a_manifest_saved_by_a_spreadsheet_is_read(table):
    rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    expected = read_manifest(table).cases
    with table.open("w", newline="", encoding="utf-8-sig") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    assert is_manifest(table)
    assert read_manifest(table).cases == expected


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("label", "cyst", "line 3: the class 'cyst' is none of"),
        ("image", "benign/gone.png", "line 3: .*gone.png is missing"),
        ("masks", "benign/gone.png", "line 3: .*gone.png is missing"),
        ("masks", "", r"benign \(2\)\.png: is benign but has no mask"),
        ("case_id", "benign (1)", r"line 3: the id 'benign \(1\)' appeared before"),
        ("case_id", "", "line 3: 'case_id' is empty"),
        ("width", "eighty", "line 3: 'width' is 'eighty'"),
    ],
)
def test_faulty_rows_are_refused_by_line_and_file(table, column, value, said):
    edited(table, column, value, line=1)
    with pytest.raises(ManifestError, match=said):
        read_manifest(table)


def test_faulty_files_are_refused(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("case_id,image,label\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"m\.csv: has no column 'masks'"):
        read_manifest(path)
    path.write_text("case_id,image,masks,label\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"m\.csv: has no case"):
        read_manifest(path)
    with pytest.raises(ManifestError, match=r"gone\.csv: cannot be read"):
        read_manifest(tmp_path / "gone.csv")


def test_missing_files_may_be_left_to_verification(table):
    edited(table, "image", "benign/gone.png")
    edited(table, "masks", "", line=1)
    read = read_manifest(table, require_files=False)
    assert read.case("benign (1)").image.name == "gone.png"
    assert read.case("benign (2)").masks == ()


def test_masks_with_the_separator_in_their_name_are_refused(tmp_path):
    manifest = Manifest((case("a", Label.BENIGN, ["/data/a;b.png"]),))
    with pytest.raises(ManifestError, match=r"a;b\.png: a semicolon cannot stand"):
        write_manifest(manifest, tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        write_manifest(Manifest((case("a"),)), tmp_path / "file" / "m.csv")


def test_data_are_opened_from_folder_and_manifest_alike(table, miniature_busi):
    seen = []

    def progress(items, *, label, total=None):
        for item in items:
            seen.append((label, total))
            yield item

    assert open_data(table).cases == open_data(miniature_busi, progress=progress).cases
    assert seen == [("reading files", 14)] * 14
    assert open_data(miniature_busi, "folder").source == "folder"


@pytest.mark.parametrize("name", ["gone", "gone.csv"])
def test_missing_data_are_named(tmp_path, name):
    with pytest.raises(LayoutError, match=f"{name}: no such file or folder"):
        open_data(tmp_path / name)


def test_an_empty_folder_holds_no_case(tmp_path):
    with pytest.raises(LayoutError, match="holds no case of the layout busi"):
        open_data(tmp_path, "busi")


def remove_image(root):
    (root / "benign" / "benign (3).png").unlink()


def remove_mask(root):
    (root / "malignant" / "malignant (1)_mask.png").unlink()


def empty_image(root):
    (root / "benign" / "benign (3).png").write_bytes(b"")


def crop_mask(root):
    write_png(root / "benign" / "benign (2)_mask_1.png", np.zeros((5, 6), bool))


def shrink_image(root):
    write_png(root / "normal" / "normal (1).png", np.zeros((1, 1), np.uint8))


def add_class(root):
    write_png(root / "suspicious" / "suspicious (1).png", np.zeros((9, 9), np.uint8))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove_image, "benign (3).png: is missing"),
        (remove_mask, "malignant (1)_mask.png: is missing"),
        (empty_image, "benign (3).png: is empty"),
        (crop_mask, "benign (2)_mask_1.png: 6x5, but its image is 84x76"),
        (shrink_image, "normal (1).png: 1x1 pixels, too small"),
        (add_class, "suspicious: unknown class folder"),
    ],
)
def test_unusable_data_are_refused_by_name(miniature_busi, damage, said):
    damage(miniature_busi)
    with pytest.raises(DataError, match=re.escape(said)):
        open_data(miniature_busi)


def test_an_image_too_large_to_decode_is_refused_by_its_header(miniature_busi, monkeypatch):
    monkeypatch.setattr("echoduet.data.manifest.MAX_PIXELS", 88 * 72 - 1)
    with pytest.raises(ImageError, match=r"88x72 pixels, more than the 6,335 that are read"):
        open_data(miniature_busi)


def test_listing_opens_no_image(miniature_busi):
    empty_image(miniature_busi)
    assert len(list_cases(miniature_busi)) == 14


@pytest.mark.busi
def test_the_real_busi_is_read_whole(busi_root, tmp_path):
    manifest = build_manifest(busi_root)
    write_manifest(manifest, tmp_path / "m.csv")
    assert [sum(case.label is label for case in manifest) for label in CLASSES] == [437, 210, 133]
    assert sum(len(case.masks) for case in manifest) == 798
    assert len(manifest.case("benign (195)").masks) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", case.sha256) for case in manifest)
    assert read_manifest(tmp_path / "m.csv").cases == manifest.cases
