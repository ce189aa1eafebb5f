"""Masks of any mode, and their union."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from echoduet.data.images import write_png
from echoduet.data.masks import read_mask
from echoduet.errors import ImageError, ShapeError

MASKS = st.lists(arrays(np.bool_, (6, 9)), max_size=4)


@pytest.fixture
def disc():
    rows, columns = np.mgrid[:30, :40]
    return np.hypot(rows - 14, columns - 20) < 9


@given(MASKS, st.randoms())
@settings(max_examples=25)  # each writes files
def test_the_union_is_any_of_them_in_any_order(tmp_path_factory, masks, random):
    folder = tmp_path_factory.mktemp("union")
    paths = [folder / f"{n}.png" for n in range(len(masks))]
    for path, mask in zip(paths, masks, strict=True):
        write_png(path, mask)
    expected = np.any(masks, axis=0) if masks else np.zeros((6, 9), dtype=bool)
    random.shuffle(paths)
    np.testing.assert_array_equal(read_mask(paths, (6, 9)), expected)


def test_a_mask_united_with_itself_stays(tmp_path, disc):
    # 255 + 255 wraps to 254 in uint8 and 1 + 1 to an even number: a sum would lose or shift the overlap.
    write_png(tmp_path / "a.png", disc)
    np.testing.assert_array_equal(read_mask([tmp_path / "a.png"] * 4, disc.shape), disc)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_every_mode_gives_the_same_mask(tmp_path, disc, mode, suffix):
    if (mode, suffix) in {("LA", ".bmp"), ("RGBA", ".bmp")}:
        suffix = ".png"
    Image.fromarray(disc.astype(np.uint8) * 255).convert(mode).save(tmp_path / f"a{suffix}")
    read = read_mask([tmp_path / f"a{suffix}"], disc.shape)
    assert read.dtype == np.bool_
    np.testing.assert_array_equal(read, disc)


@pytest.mark.parametrize("colour", [(0, 255, 0), (255, 0, 0), (0, 0, 255), (0, 128, 0), (1, 0, 0)])
def test_any_colour_is_lesion(tmp_path, disc, colour):
    write_png(tmp_path / "a.png", np.where(disc[..., None], np.array(colour, np.uint8), np.uint8(0)))
    np.testing.assert_array_equal(read_mask([tmp_path / "a.png"], disc.shape), disc)


@pytest.mark.parametrize("value", [1, 255, 4095, 65535])
def test_deep_masks_keep_their_lesion(tmp_path, disc, value):
    Image.fromarray(disc.astype(np.uint16) * value).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask([tmp_path / "a.png"], disc.shape), disc)


def test_label_numbers_are_all_lesion(tmp_path, disc):
    numbers = np.where(disc, 1, 0).astype(np.uint8)
    numbers[:4, :4] = 2
    write_png(tmp_path / "a.png", numbers)
    np.testing.assert_array_equal(read_mask([tmp_path / "a.png"], None), numbers > 0)


def test_the_soft_edge_of_a_resized_mask_is_cut_in_the_middle(tmp_path, disc):
    soft = Image.fromarray(disc.astype(np.uint8) * 255).resize((80, 60), Image.Resampling.BILINEAR)
    soft.save(tmp_path / "a.png")
    area = read_mask([tmp_path / "a.png"], (60, 80)).sum()
    assert area == pytest.approx(4 * disc.sum(), rel=0.02)


def test_jpeg_rings_are_not_lesion(tmp_path, disc):
    Image.fromarray(disc.astype(np.uint8) * 255).save(tmp_path / "a.jpg", quality=70)
    assert np.mean(read_mask([tmp_path / "a.jpg"], disc.shape) != disc) < 0.01
    Image.fromarray(np.full((30, 40), 3, np.uint8)).save(tmp_path / "black.jpg")
    assert not read_mask([tmp_path / "black.jpg"], disc.shape).any()


def test_a_transparent_background_is_no_lesion(tmp_path, disc):
    alpha = Image.fromarray(disc.astype(np.uint8) * 255)
    Image.merge("LA", [Image.new("L", alpha.size, 255), alpha]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask([tmp_path / "a.png"], disc.shape), disc)


def test_no_mask_is_an_empty_one():
    assert read_mask([], (3, 5)).shape == (3, 5)
    assert not read_mask([], (3, 5)).any()
    with pytest.raises(ShapeError, match="needs the shape"):
        read_mask([], None)


def test_another_size_than_the_image_is_named_with_both_sizes(tmp_path):
    write_png(tmp_path / "benign (12)_mask.png", np.zeros((400, 512), bool))
    said = "benign (12)_mask.png: 512x400, but its image is 557x465. "
    with pytest.raises(ImageError, match=re.escape(said)):
        read_mask([tmp_path / "benign (12)_mask.png"], (465, 557))


def test_without_a_shape_the_masks_must_agree(tmp_path, disc):
    write_png(tmp_path / "a.png", disc)
    write_png(tmp_path / "b.png", disc[:-1])
    assert read_mask([tmp_path / "a.png"], None).shape == disc.shape
    with pytest.raises(ImageError, match=r"b\.png: 40x29, but its image is 40x30"):
        read_mask([tmp_path / "a.png", tmp_path / "b.png"], None)


def test_a_damaged_mask_is_named(tmp_path, disc):
    write_png(tmp_path / "a.png", disc)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(ImageError, match=r"b\.png: is damaged"):
        read_mask([tmp_path / "a.png", tmp_path / "b.png"], disc.shape)
