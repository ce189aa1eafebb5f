import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize

from echoduet.config.schema import PreprocessConfig
from echoduet.inference.postprocess import final_map, squash_mask
from echoduet.transforms.preprocess import Preprocess

SQUASH = Preprocess(PreprocessConfig(size=64, aspect="squash"))
PAD = Preprocess(PreprocessConfig(size=64, aspect="pad"))


def disc(height, width, row, column, radius):
    rows, columns = np.ogrid[:height, :width]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([SQUASH, PAD]))
def test_the_mask_has_the_images_size_whatever_it_is(height, width, preprocess):
    mask = final_map(np.ones((64, 64), np.float32), preprocess, (height, width)) >= 0.5
    assert mask.shape == (height, width)
    assert mask.dtype == bool
    assert mask.all()


@pytest.mark.parametrize("preprocess", [SQUASH, PAD])
def test_a_lesion_comes_back_where_it_was(preprocess):
    lesion = disc(200, 300, 120, 210, 40)
    back = final_map(preprocess.mask(lesion).astype(np.float32), preprocess, lesion.shape) >= 0.5
    assert 2 * (back & lesion).sum() / (back.sum() + lesion.sum()) > 0.97


def test_the_threshold_belongs_to_the_lesion():
    probability = np.full((64, 64), 0.3, np.float32)
    at_image = final_map(probability, SQUASH, (5, 5))
    assert (at_image >= float(np.float32(0.3))).all()
    assert not (at_image >= 0.31).any()


def test_at_the_networks_own_size_nothing_is_resampled(rng):
    probability = rng.random((64, 64), dtype=np.float32)
    np.testing.assert_array_equal(final_map(probability, SQUASH, (200, 300), at_size=64), probability)


@pytest.mark.parametrize("preprocess", [SQUASH, PAD])
def test_a_squashed_answer_lies_where_the_squashed_reference_lies(preprocess):
    lesion = disc(200, 300, 120, 210, 40)
    mask = final_map(preprocess.mask(lesion).astype(np.float32), preprocess, lesion.shape, at_size=32) >= 0.5
    reference = squash_mask(lesion, 32)
    assert mask.shape == (32, 32)
    assert 2 * (mask & reference).sum() / (mask.sum() + reference.sum()) > 0.93


@given(st.integers(2, 60), st.integers(2, 60), st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_squash_mask_agrees_with_scikit_image(height, width, size, seed):
    mask = np.random.default_rng(seed).random((height, width)) > 0.5
    # Where a centre falls exactly between two pixels the libraries may choose differently: such sizes prove nothing.
    centres = [(np.arange(size) + 0.5) * extent / size for extent in mask.shape]
    if any(np.isclose(centre, np.round(centre)).any() for centre in centres):
        return
    np.testing.assert_array_equal(squash_mask(mask, size), resize(mask, (size, size), order=0, anti_aliasing=False))
