"""Whole phantoms: what a radiologist would look for must be there on average, and not in every picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter, label
from skimage.transform import resize_local_mean

from echoduet.data.phantom_scan import WORKING_WIDTH, scan_phantom
from echoduet.records import CLASSES, Label

SIZE = 128
NUMBER = 20


@pytest.fixture(scope="module")
def gallery():
    """A few dozen phantoms of each class."""
    return {
        kind: [scan_phantom(kind, np.random.default_rng([41, kind.position, n]), SIZE) for n in range(NUMBER)]
        for kind in CLASSES
    }


def contrast(scan):
    """Return the gray inside the lesions less that of a ring around them."""
    ring = binary_dilation(scan.mask, iterations=6) & ~binary_dilation(scan.mask, iterations=1)
    return scan.image[scan.mask].mean() - scan.image[ring].mean()


def behind(scan):
    """Return the gray behind the first lesion less that at its two sides, as deep."""
    rows, columns = np.nonzero(scan.masks[0])
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    window = scan.image[rows.max() + 2 : rows.max() + 2 + height].astype(float)
    left, right = columns.min(), columns.max()
    beside = np.concatenate(
        [window[:, max(0, left - width // 2) : left], window[:, right + 1 : right + 1 + width // 2]], 1
    )
    return window[:, left + width // 5 : right - width // 5 + 1].mean() - beside.mean()


def aspect(scan):
    """Return height over width of the first lesion."""
    rows, columns = np.nonzero(scan.masks[0])
    return (np.ptp(rows) + 1) / (np.ptp(columns) + 1)


def solidity(scan):
    """Return area over perimeter squared, 1 for a disc: how smooth the outline is."""
    mask = np.pad(scan.masks[0], 1).astype(float)
    down, across = np.gradient(gaussian_filter(mask, 1.0))
    return 4 * np.pi * mask.sum() / np.hypot(down, across).sum() ** 2


@pytest.mark.parametrize("kind", CLASSES)
def test_images_are_gray_and_masks_fit(gallery, kind):
    for scan in gallery[kind]:
        height, width = scan.image.shape
        assert scan.image.dtype == np.uint8
        assert width == SIZE
        assert 0.65 * SIZE <= height <= SIZE + 1
        assert scan.image.std() > 10
        for mask in scan.masks:
            assert mask.dtype == np.bool_
            assert mask.shape == scan.image.shape


def test_lesions_have_masks_and_normals_have_none(gallery):
    assert all(not scan.masks and not scan.mask.any() for scan in gallery[Label.NORMAL])
    for kind in (Label.BENIGN, Label.MALIGNANT):
        assert all(mask.any() for scan in gallery[kind] for mask in scan.masks)
    assert all(len(scan.masks) == 1 for scan in gallery[Label.MALIGNANT])


def test_one_mask_is_one_piece(gallery):
    for kind in (Label.BENIGN, Label.MALIGNANT):
        for scan in gallery[kind]:
            assert all(label(mask, np.ones((3, 3)))[1] == 1 for mask in scan.masks)


@pytest.mark.parametrize("kind", [Label.BENIGN, Label.MALIGNANT])
def test_lesions_are_darker_than_around_on_average_and_some_hardly(gallery, kind):
    differences = [contrast(scan) for scan in gallery[kind]]
    assert np.mean(differences) < -25
    assert max(differences) > 0.5 * np.mean(differences)


def test_behind_benign_ones_it_is_brighter_and_behind_malignant_ones_darker(gallery):
    benign, malignant = ([behind(scan) for scan in gallery[kind]] for kind in (Label.BENIGN, Label.MALIGNANT))
    assert np.nanmean(benign) > 8
    assert np.nanmean(malignant) < -8
    # Hard enough: the sign alone is wrong now and then.
    assert np.nanmin(benign) < np.nanmax(malignant)


def test_benign_ones_are_wider_than_tall_and_malignant_ones_the_reverse(gallery):
    benign, malignant = ([aspect(scan) for scan in gallery[kind]] for kind in (Label.BENIGN, Label.MALIGNANT))
    assert np.median(benign) < 0.8
    assert np.median(malignant) > 1.0
    assert max(benign) > min(malignant)


def test_benign_outlines_are_smoother(gallery):
    benign, malignant = ([solidity(scan) for scan in gallery[kind]] for kind in (Label.BENIGN, Label.MALIGNANT))
    assert np.median(benign) > np.median(malignant) + 0.05


def test_sizes_vary_over_an_order_of_magnitude(gallery):
    shares = [scan.mask.mean() for kind in (Label.BENIGN, Label.MALIGNANT) for scan in gallery[kind]]
    assert max(shares) > 10 * min(shares)
    assert max(shares) < 0.4


def test_a_dark_blob_alone_does_not_tell_lesions_from_normals(gallery):
    def darkest(scan):
        smooth = gaussian_filter(scan.image.astype(float), 4)[10:80, 5:-5]
        return smooth.min() - np.median(smooth)

    normal = np.array([darkest(scan) for scan in gallery[Label.NORMAL]])
    lesion = np.array([darkest(scan) for kind in CLASSES[:2] for scan in gallery[kind]])
    # The chance that a lesion's picture has the darker blob, that is the area under the ROC curve.
    assert 0.45 < (lesion[:, None] < normal).mean() < 0.8


def test_the_same_generator_gives_the_same_pixels():
    first, second = (scan_phantom(Label.MALIGNANT, np.random.default_rng(5), 96) for _ in range(2))
    other = scan_phantom(Label.MALIGNANT, np.random.default_rng(6), 96)
    assert (first.image == second.image).all()
    assert (first.mask == second.mask).all()
    assert first.image.shape != other.image.shape or (first.image != other.image).any()


def test_a_small_phantom_is_the_large_one_shrunk():
    small = scan_phantom(Label.BENIGN, np.random.default_rng(8), WORKING_WIDTH // 4)
    large = scan_phantom(Label.BENIGN, np.random.default_rng(8), WORKING_WIDTH)
    assert large.image.shape[0] == pytest.approx(4 * small.image.shape[0], abs=2)
    assert small.mask.mean() == pytest.approx(large.mask.mean(), rel=0.05)
    averaged = resize_local_mean(large.image.astype(float), small.image.shape)
    # Not 1: Pillow's box takes whole pixels where an edge cuts through one.
    assert np.corrcoef(averaged.ravel(), small.image.ravel())[0, 1] > 0.995


def test_full_size_is_as_varied_as_busi():
    widths = [scan_phantom(Label.NORMAL, np.random.default_rng(seed)).image.shape[1] for seed in range(6)]
    assert len(set(widths)) > 3
    assert all(350 <= width <= 700 for width in widths)
