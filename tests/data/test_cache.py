"""The tensor cache: made once, keyed by content, never trusted when damaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from echoduet.config.schema import PreprocessConfig
from echoduet.data import cache
from echoduet.data.cache import load_cached
from echoduet.data.images import read_gray
from echoduet.data.manifest import build_manifest
from echoduet.data.masks import read_mask
from echoduet.errors import DataError, ImageError
from echoduet.transforms.preprocess import Preprocess

PREPARE = Preprocess(PreprocessConfig(size=32))


@pytest.fixture
def cases(miniature_busi):
    return build_manifest(miniature_busi).cases


def test_rows_are_the_prepared_images_masks_and_labels(cases, tmp_path):
    data = load_cached(cases, PREPARE, tmp_path / "cache")
    assert data.images.shape == data.masks.shape == (len(cases), 1, 32, 32)
    for row, case in enumerate(cases):
        image = read_gray(case.image)
        assert np.array_equal(data.images[row, 0].numpy(), PREPARE.image(image))
        assert np.array_equal(data.masks[row, 0].numpy() > 0, PREPARE.mask(read_mask(case.masks, image.shape)))
        assert data.labels[row] == case.label.position


def test_the_second_time_nothing_is_decoded(cases, tmp_path, monkeypatch):
    first = load_cached(cases, PREPARE, tmp_path)
    monkeypatch.setattr(cache, "read_gray", None)
    second = load_cached(cases, PREPARE, tmp_path)
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.masks, second.masks)


def test_a_changed_file_or_setting_makes_a_new_cache(cases, tmp_path):
    load_cached(cases, PREPARE, tmp_path)
    load_cached(cases, Preprocess(PreprocessConfig(size=64)), tmp_path)
    changed = np.asarray(Image.open(cases[0].image).convert("L")) // 2
    Image.fromarray(changed).save(cases[0].image)
    data = load_cached(cases, PREPARE, tmp_path)
    assert len(list(tmp_path.glob("tensors-*.safetensors"))) == 3
    assert np.array_equal(data.images[0, 0].numpy(), PREPARE.image(changed))


def test_a_damaged_cache_is_made_again(cases, tmp_path):
    good = load_cached(cases, PREPARE, tmp_path)
    (stored,) = tmp_path.glob("tensors-*.safetensors")
    stored.write_bytes(stored.read_bytes()[:100])
    assert torch.equal(load_cached(cases, PREPARE, tmp_path).images, good.images)
    assert stored.stat().st_size > 100


def test_select_takes_the_named_cases_in_their_order(cases, tmp_path):
    data = load_cached(cases, PREPARE, tmp_path)
    chosen = data.select([cases[3].case_id, cases[0].case_id])
    assert torch.equal(chosen.images, data.images[[3, 0]])
    assert chosen.case_ids == (cases[3].case_id, cases[0].case_id)
    with pytest.raises(DataError, match="elsewhere"):
        data.select(["elsewhere"])


def test_an_unreadable_image_is_named_and_leaves_no_cache(cases, tmp_path):
    cases[2].image.write_bytes(b"")
    with pytest.raises(ImageError, match=cases[2].image.name.replace("(", r"\(").replace(")", r"\)")):
        load_cached(cases, PREPARE, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


def test_a_missing_file_is_named(cases, tmp_path):
    cases[1].image.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load_cached(cases, PREPARE, tmp_path)


def test_no_case_is_an_error():
    with pytest.raises(DataError, match="no case"):
        load_cached([], PREPARE)
