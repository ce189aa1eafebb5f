"""Plain folders: masks by suffix or in a parallel folder."""

from __future__ import annotations

import pytest

from echoduet.data.manifest import build_manifest, list_cases
from echoduet.data.sources import folder
from echoduet.errors import LayoutError, ManifestError
from echoduet.records import Label


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def masks_of(root):
    return {
        case.case_id: [mask.relative_to(root).as_posix() for mask in case.masks] for case in list_cases(root, "folder")
    }


def test_formats_and_both_kinds_of_masks_are_read(tmp_path):
    folder.write_miniature(tmp_path, 2)
    manifest = build_manifest(tmp_path)
    assert {case.image.suffix for case in manifest} == {".jpg", ".bmp", ".tif"}
    assert [mask.name for mask in manifest.case("cyst 0").masks] == ["cyst 0_mask.png", "cyst 0_mask1.png"]
    assert manifest.case("tumour 3").masks == (tmp_path / "masks" / "malignant" / "tumour 3.png",)
    assert manifest.case("tissue 0").masks == ()


@pytest.mark.parametrize("suffix", ["_mask", "_mask_2", "-mask", " mask", "_seg", "_segmentation", "_GT", "_Mask_10"])
def test_suffixes(tmp_path, suffix):
    touch(tmp_path, "benign/a 1.png", f"benign/a 1{suffix}.png")
    assert masks_of(tmp_path) == {"a 1": [f"benign/a 1{suffix}.png"]}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("benign/a.png", "masks/benign/a.png"),
        ("benign/a.png", "Labels/Benign/a_mask.png"),
        ("benign/a.png", "benign/masks/a.png"),
        ("benign/a.png", "masks/a.png"),
        ("benign/a.png", "masks/a_seg_1.bmp"),
        ("images/benign/a.png", "masks/benign/a.png"),
        ("benign/images/a.png", "benign/masks/a.png"),
        ("Benign/a.jpg", "gt/a.png"),
    ],
)
def test_parallel_folders(tmp_path, image, mask):
    touch(tmp_path, image, mask)
    assert folder.recognise(tmp_path)
    assert masks_of(tmp_path) == {"a": [mask]}


@pytest.mark.parametrize("name", ["benign_lesion_12", "tumor 3", "scan_label_7"])
def test_names_that_speak_of_lesions_are_images(tmp_path, name):
    touch(tmp_path, f"benign/{name}.png", f"masks/{name}.png")
    assert masks_of(tmp_path) == {name: [f"masks/{name}.png"]}


def test_masks_beside_and_parallel_are_united(tmp_path):
    touch(tmp_path, "benign/a.png", "benign/a_mask.png", "masks/benign/a_2.png", "masks/benign/a.png")
    assert masks_of(tmp_path)["a"] == ["benign/a_mask.png", "masks/benign/a.png"]


def test_an_orphaned_mask_asks_for_its_image(tmp_path):
    touch(tmp_path, "benign/a.png", "benign/a_mask.png", "benign/b_mask.png", "normal/n.png")
    missing = [case.image for case in list_cases(tmp_path, "folder") if not case.image.exists()]
    assert missing == [tmp_path / "benign" / "b.png"]


def test_two_images_of_one_name_are_refused(tmp_path):
    touch(tmp_path, "benign/a.png", "benign/a.jpg", "masks/a.png")
    with pytest.raises(ManifestError, match="has the id 'a' of"):
        list_cases(tmp_path)
    (tmp_path / "benign" / "a.jpg").rename(tmp_path / "benign" / "b.jpg")
    touch(tmp_path, "malignant/a.png")
    with pytest.raises(ManifestError, match="has the id 'a' of"):
        list_cases(tmp_path)


@pytest.mark.parametrize("home", ["", "images/"])
def test_an_unknown_class_is_refused_by_name(tmp_path, home):
    touch(tmp_path, f"{home}benign/a.png", f"{home}suspicious/b.png")
    with pytest.raises(LayoutError, match="suspicious: unknown class folder"):
        list_cases(tmp_path)


def test_a_folder_without_classes_is_not_recognised(tmp_path):
    touch(tmp_path, "cats/a.png", "masks/a.png")
    (tmp_path / "benign").mkdir()
    assert not folder.recognise(tmp_path)


def test_labels_come_from_the_folder(tmp_path):
    touch(tmp_path, "NORMAL/a.png", "malignant/b.png", "masks/b.png")
    assert [(case.case_id, case.label) for case in folder.read(tmp_path)] == [
        ("b", Label.MALIGNANT),
        ("a", Label.NORMAL),
    ]
