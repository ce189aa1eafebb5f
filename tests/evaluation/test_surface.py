from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from echoduet.errors import ShapeError
from echoduet.evaluation.surface import assd, boundary, hd95, nsd, surface_distances

MASKS = arrays(bool, (12, 10), elements=st.booleans())


def disc(shape, centre, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def pairs(rng, count=12):
    """Discs, noisy discs and noise, some touching the border."""
    for i in range(count):
        shape = tuple(rng.integers(30, 70, 2))
        a, b = (disc(shape, rng.uniform(0, 1, 2) * shape, rng.uniform(4, 20)) for _ in range(2))
        if i % 3 == 0:
            a = a ^ (rng.random(shape) < 0.05)
        if i % 4 == 0:
            b = rng.random(shape) < 0.3
        if a.any() and b.any():
            yield a, b


# MONAI 1.6 warns of an argument that MONAI itself passes on.
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
def test_agree_with_monai(rng):
    import torch
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    compared = 0
    for a, b in pairs(rng):
        ours, theirs = (torch.from_numpy(m)[None, None].float() for m in (a, b))
        assert hd95(a, b) == pytest.approx(
            float(compute_hausdorff_distance(ours, theirs, include_background=True, percentile=95)), abs=1e-4
        )
        assert assd(a, b) == pytest.approx(
            float(compute_average_surface_distance(ours, theirs, include_background=True, symmetric=True)), abs=1e-4
        )
        for tolerance in (1.0, 2.0, 3.5):
            expected = compute_surface_dice(ours, theirs, [tolerance], include_background=True)
            assert nsd(a, b, tolerance) == pytest.approx(float(expected), abs=1e-6)
        compared += 1
    assert compared > 5


@given(MASKS)
def test_the_boundary_is_what_an_erosion_takes_away(mask):
    np.testing.assert_array_equal(boundary(mask), mask & ~ndimage.binary_erosion(mask))


def test_a_mask_that_fills_the_image_has_the_frame_as_its_boundary():
    assert boundary(np.ones((5, 6), dtype=bool)).sum() == 2 * 5 + 2 * 6 - 4


def test_known_distances_of_shifted_squares():
    a, b = np.zeros((2, 20, 20), dtype=bool)
    a[5:10, 5:10] = True
    b[5:10, 8:13] = True
    distances = surface_distances(a, b)
    assert distances.hd95 == 3.0
    assert distances.nsd(3.0) == 1.0
    # Of the 16 boundary points, 4 lie on the other boundary (its top and bottom side) and 5 are three columns away.
    assert distances.nsd(0.0) == pytest.approx(4 / 16)
    assert distances.assd == pytest.approx(distances.to_reference.mean())


@given(MASKS, MASKS)
def test_symmetric_bounded_and_zero_only_for_equal_boundaries(a, b):
    assume(a.any() and b.any())
    assert hd95(a, b) == hd95(b, a)
    assert assd(a, b) == pytest.approx(assd(b, a))
    assert 0 <= assd(a, b) <= math.hypot(*a.shape)
    assert 0 <= hd95(a, b) < math.hypot(*a.shape)
    if not (boundary(a) ^ boundary(b)).any():
        assert hd95(a, b) == assd(a, b) == 0
        assert nsd(a, b, 0) == 1


@given(MASKS, MASKS, st.floats(0, 5), st.floats(0, 5))
def test_nsd_grows_with_the_tolerance(a, b, one, other):
    low, high = sorted((one, other))
    assert nsd(a, b, low) <= nsd(a, b, high)


def test_a_miss_and_a_false_alarm_score_the_diagonal_and_never_nan():
    empty, lesion = np.zeros((30, 40), dtype=bool), disc((30, 40), (15, 20), 5)
    for predicted, reference in ((empty, lesion), (lesion, empty)):
        assert hd95(predicted, reference) == 50.0
        assert assd(predicted, reference) == 50.0
        assert nsd(predicted, reference, 100.0) == 0.0


def test_two_empty_masks_agree():
    empty = np.zeros((6, 8), dtype=bool)
    assert (hd95(empty, empty), assd(empty, empty), nsd(empty, empty)) == (0.0, 0.0, 1.0)


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match="8x6"):
        hd95(np.zeros((6, 8), dtype=bool), np.zeros((8, 6), dtype=bool))
