"""The tiny scans of the miniatures."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from echoduet.data.formats import SOURCES
from echoduet.data.images import read_gray
from echoduet.data.manifest import list_cases
from echoduet.data.masks import read_mask
from echoduet.data.miniatures import draw_scan, save, split_mask
from echoduet.records import CLASSES, Label


def pictures(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".xlsx"  # a workbook holds the time of its making
    }


@pytest.mark.parametrize("name", SOURCES)
def test_a_seed_gives_the_same_files_and_another_seed_others(tmp_path, name):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        SOURCES[name].write_miniature(tmp_path / folder, seed)
    first, again, other = (pictures(tmp_path / folder) for folder in "abc")
    assert first == again
    assert first.keys() == other.keys()
    assert len({*first.values()} & {*other.values()}) < len(first) / 2  # empty masks and tables stay the same


@pytest.mark.parametrize("name", SOURCES)
def test_every_miniature_has_a_dozen_tiny_images(tmp_path, name):
    SOURCES[name].write_miniature(tmp_path, 5)
    manifest = list_cases(tmp_path)
    assert 12 <= len(manifest) <= 16
    counts = [sum(case.label is label for case in manifest) for label in CLASSES]
    assert min(count for count in counts if count) >= 4
    assert max(max(read_gray(case.image).shape) for case in manifest) <= 96


def test_the_busi_miniature_can_be_learnt_from(miniature_busi):
    for case in list_cases(miniature_busi):
        image = read_gray(case.image)
        mask = read_mask(case.masks, image.shape)
        if case.label is Label.NORMAL:
            assert not mask.any()
        else:
            assert 0.03 < mask.mean() < 0.25
            assert image[mask].mean() < 0.6 * image[~mask].mean()


@pytest.mark.parametrize("label", CLASSES)
def test_a_scan_has_the_look_of_its_class(rng, label):
    image, mask = draw_scan(rng, label, width=96, height=80)
    assert image.shape == mask.shape == (80, 96)
    assert image.dtype == np.uint8
    assert mask.any() == (label is not Label.NORMAL)
    if mask.any():
        tall = np.ptp(np.nonzero(mask)[0]) > np.ptp(np.nonzero(mask)[1])
        assert tall == (label is Label.MALIGNANT)


def test_halves_unite_to_the_whole(rng):
    _, mask = draw_scan(rng, Label.MALIGNANT)
    left, right = split_mask(mask)
    assert left.any()
    assert right.any()
    assert not (left & right).any()
    np.testing.assert_array_equal(left | right, mask)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_pictures_are_saved_in_the_mode_asked_for(tmp_path, rng, mode):
    _, mask = draw_scan(rng, Label.BENIGN)
    save(tmp_path / "a.png", mask, mode)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode
    np.testing.assert_array_equal(read_mask([tmp_path / "a.png"], None), mask)
