"""One preprocessing object for training, inference and export."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import resize

from echoduet.config.schema import PreprocessConfig
from echoduet.transforms.preprocess import Preprocess

SIDES = st.integers(1, 200)


def preprocess(**keys: object) -> Preprocess:
    return Preprocess(PreprocessConfig.model_validate(keys))


def disc(height: int, width: int, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < radius**2


@given(SIDES, SIDES, st.sampled_from(["squash", "pad"]))
def test_any_shape_becomes_the_square_and_comes_back(height, width, aspect):
    prepare = preprocess(size=64, aspect=aspect)
    image = np.full((height, width), 90, np.uint8)
    assert prepare.image(image).shape == (64, 64)
    assert prepare.mask(image > 0).shape == (64, 64)
    restored = prepare.restore(np.full((64, 64), 0.25, np.float32), (height, width))
    assert restored.shape == (height, width)
    assert np.allclose(restored, 0.25)


@given(SIDES, SIDES, st.sampled_from(["squash", "pad"]), st.integers(0, 2**32 - 1))
def test_a_map_comes_back_as_pillow_would_bring_it(height, width, aspect, seed):
    prepare = preprocess(size=64, aspect=aspect)
    probability = np.random.default_rng(seed).random((64, 64), dtype=np.float32)
    inside = Image.fromarray(np.ascontiguousarray(prepare.inside(probability, (height, width))))
    expected = np.asarray(inside.resize((width, height), Image.Resampling.BILINEAR))
    restored = prepare.restore(probability, (height, width))
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, expected, atol=1e-5)  # OpenCV's coordinates are float32


@given(SIDES, SIDES)
def test_padding_keeps_the_aspect_ratio(height, width):
    window = preprocess(size=64, aspect="pad").window((height, width))
    assert max(window.height, window.width) == 64
    assert abs(window.height / window.width - height / width) * min(window.height, window.width) <= height / width + 1


def test_padding_is_black_and_centred():
    padded = preprocess(size=64, aspect="pad").image(np.full((50, 100), 200, np.uint8))
    assert (padded[16:48] == 200).all()
    assert (padded[:16] == 0).all()
    assert (padded[48:] == 0).all()


@pytest.mark.parametrize("aspect", ["squash", "pad"])
def test_a_mask_survives_the_way_in_and_out(aspect):
    mask = disc(300, 420, 80)
    prepare = preprocess(size=192, aspect=aspect)
    back = prepare.restore(prepare.mask(mask).astype(np.float32), mask.shape) > 0.5
    assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > 0.985


def test_shrinking_is_antialiased_and_agrees_with_scikit_image(rng):
    image = np.asarray(Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).resize((256, 256)), np.uint8)
    ours = preprocess(size=64).image(image).astype(float)
    theirs = resize(image.astype(float), (64, 64), order=1, anti_aliasing=True)
    assert np.abs(ours - theirs)[2:-2, 2:-2].mean() < 3
    checkerboard = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.ptp(preprocess(size=64).image(checkerboard)) < 20
    assert set(np.unique(preprocess(size=64, interpolation="nearest").image(checkerboard))) <= {0, 255}


def test_the_key_changes_with_every_setting():
    keys = {
        preprocess(**keys).key
        for keys in ({}, {"size": 64}, {"aspect": "pad"}, {"interpolation": "nearest"}, {"size": 64, "aspect": "pad"})
    }
    assert len(keys) == 5
