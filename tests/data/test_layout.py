"""Class folders and what lies in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from echoduet.data.layout import (
    class_folders,
    folders,
    images_in,
    label_of,
    masks_by_case,
    orphans,
    paired,
    require_known_classes,
)
from echoduet.errors import LayoutError, ManifestError
from echoduet.records import Label


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_class_folders_come_in_the_order_of_the_classes_in_any_case(tmp_path):
    touch(tmp_path, "Normal/a.png", "benign/b.png", ".benign/c.png", "other/d.png")
    assert list(class_folders(tmp_path).items()) == [
        (Label.BENIGN, tmp_path / "benign"),
        (Label.NORMAL, tmp_path / "Normal"),
    ]
    assert class_folders(tmp_path / "gone") == {}


def test_folders_and_images_are_visible_and_in_natural_order(tmp_path):
    touch(tmp_path, "b10/x", "b9/x", ".hidden/x", "10.png", "9.PNG", "._9.png", "9.txt", "8.tiff")
    assert [folder.name for folder in folders(tmp_path)] == ["b9", "b10"]
    assert [path.name for path in images_in(tmp_path)] == ["8.tiff", "9.PNG", "10.png"]
    assert images_in(tmp_path / "gone") == []


def test_images_of_an_unknown_class_are_not_lost_silently(tmp_path):
    touch(tmp_path, "benign/a.png", "docs/readme.txt", "masks/a.png")
    require_known_classes(tmp_path, frozenset({"masks"}))
    with pytest.raises(LayoutError, match="masks: unknown class folder"):
        require_known_classes(tmp_path)


def test_masks_are_grouped_by_their_case():
    paths = [Path(name) for name in ("a_mask.png", "a_mask_1.png", "b_mask.png", "a.png")]
    found = masks_by_case(paths, re.compile(r"(?P<case>.+)_mask(_\d)?"))
    assert found == {"a": (Path("a_mask.png"), Path("a_mask_1.png")), "b": (Path("b_mask.png"),)}


def test_images_are_paired_and_orphaned_masks_ask_for_theirs():
    masks = {"a": (Path("a_mask.png"),), "z": (Path("z_mask.png"),)}
    images = [Path("c/b.png"), Path("c/a.png")]
    assert orphans(images, masks, Path("c")) == [Path("c/z.png")]
    cases = list(paired([*images, Path("c/z.png")], masks, Label.BENIGN, "busi"))
    assert [(case.case_id, len(case.masks)) for case in cases] == [("a", 1), ("b", 0), ("z", 1)]
    assert {case.source for case in cases} == {"busi"}


def test_labels_are_read_in_any_case():
    assert label_of(" Benign ", "here") is Label.BENIGN
    with pytest.raises(ManifestError, match="here: the class 'begnin' is none of benign, malignant, normal"):
        label_of("begnin", "here")
