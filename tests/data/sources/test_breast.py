"""The BrEaST layout: a workbook, RGBA images, normals without a mask, masks that are not the lesion."""

from __future__ import annotations

import pytest
from PIL import Image

from echoduet.data.manifest import build_manifest
from echoduet.data.masks import read_mask
from echoduet.data.sources import breast
from echoduet.errors import LayoutError, ManifestError
from echoduet.records import Label


@pytest.fixture
def root(tmp_path):
    breast.write_miniature(tmp_path, 2)
    return tmp_path


def test_the_workbook_gives_class_patient_and_masks(root):
    cases = {case.case_id: case for case in breast.read(root)}
    assert len(cases) == 12
    assert [mask.name for mask in cases["case001"].masks] == ["case001_tumor.png"]
    assert cases["case001"].label is Label.MALIGNANT
    assert cases["case003"].label is Label.NORMAL
    assert cases["case003"].masks == ()
    assert len({case.patient for case in cases.values()}) == 12


def test_several_tumour_masks_are_united_and_others_left_alone(root):
    manifest = build_manifest(root)
    case = manifest.case("case002")
    assert [mask.name for mask in case.masks] == ["case002_tumor1.png", "case002_tumor2.png"]
    other = case.image.with_name("case002_other1.png")
    assert other.exists()
    lesion = read_mask(case.masks, None)
    assert lesion.sum() == sum(read_mask([mask], None).sum() for mask in case.masks)
    assert (read_mask([other], None) & ~lesion).any()


def test_images_are_rgba(root):
    with Image.open(next(breast.read(root)).image) as picture:
        assert picture.mode == "RGBA"


def test_images_may_lie_beside_the_workbook(root):
    folder = next(path for path in root.iterdir() if path.is_dir())
    for path in folder.iterdir():
        path.rename(root / path.name)
    folder.rmdir()
    assert len(build_manifest(root)) == 12


def test_without_its_workbook_it_is_nothing(root):
    next(root.glob("*.xlsx")).unlink()
    assert not breast.recognise(root)
    with pytest.raises(LayoutError, match="holds no case of the layout breast"):
        build_manifest(root, "breast")


def test_a_workbook_without_the_columns_is_named(root):
    breast._write_workbook(next(root.glob("*.xlsx")), [])
    assert list(breast.read(root)) == []
    next(root.glob("*.xlsx")).write_bytes(b"no workbook")
    with pytest.raises(ManifestError, match="is no readable XLSX"):
        list(breast.read(root))
