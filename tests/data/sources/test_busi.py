"""The BUSI layout and its traps."""

from __future__ import annotations

from PIL import Image

from echoduet.data.sources import busi
from echoduet.records import Label


def test_files_are_paired_by_class_and_number(miniature_busi):
    cases = list(busi.read(miniature_busi))
    assert [case.case_id for case in cases[:5]] == [f"benign ({n})" for n in range(1, 6)]
    assert [case.label for case in cases].count(Label.NORMAL) == 4
    assert [mask.name for mask in cases[1].masks] == ["benign (2)_mask.png", "benign (2)_mask_1.png"]
    assert [mask.name for mask in cases[-1].masks] == ["normal (4)_mask.png"]
    assert {case.patient for case in cases} == {None}


def test_many_masks_are_in_natural_order(miniature_busi):
    folder = miniature_busi / "benign"
    for n in (10, 2):
        (folder / f"benign (1)_mask_{n}.png").touch()
    first = next(busi.read(miniature_busi))
    assert [mask.name for mask in first.masks] == [
        "benign (1)_mask.png",
        "benign (1)_mask_2.png",
        "benign (1)_mask_10.png",
    ]


def test_an_image_without_a_mask_asks_for_it_by_name(miniature_busi):
    (miniature_busi / "malignant" / "malignant (5)_mask.png").unlink()
    (miniature_busi / "normal" / "normal (1)_mask.png").unlink()
    cases = {case.case_id: case for case in busi.read(miniature_busi)}
    assert cases["malignant (5)"].masks == (miniature_busi / "malignant" / "malignant (5)_mask.png",)
    assert cases["normal (1)"].masks == ()


def test_a_mask_without_an_image_asks_for_it_by_name(miniature_busi):
    (miniature_busi / "benign" / "benign (77)_mask.png").touch()
    last = [case for case in busi.read(miniature_busi) if case.label is Label.BENIGN][-1]
    assert last.image == miniature_busi / "benign" / "benign (77).png"
    assert not last.image.exists()


def test_other_names_are_no_case(miniature_busi):
    for name in ("benign (1) copy.png", "malignant.png", "benign 7.png"):
        (miniature_busi / "benign" / name).touch()
    assert len(list(busi.read(miniature_busi))) == 14


def test_a_single_class_is_recognised(tmp_path):
    (tmp_path / "normal").mkdir()
    assert not busi.recognise(tmp_path)
    (tmp_path / "normal" / "normal (3).png").touch()
    assert busi.recognise(tmp_path)


def test_the_miniature_has_the_modes_of_the_original(miniature_busi):
    modes = set()
    for path in miniature_busi.rglob("*.png"):
        with Image.open(path) as picture:
            modes.add(("mask" if "_mask" in path.name else "image", picture.mode))
    originals = {("image", "L"), ("image", "RGB"), ("image", "P"), ("mask", "1"), ("mask", "L"), ("mask", "RGBA")}
    assert originals <= modes
