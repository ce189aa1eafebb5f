from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from echoduet.errors import ShapeError
from echoduet.evaluation.overlap import dice, jaccard, joint_box, require_same_shape

MASKS = arrays(bool, (9, 7), elements=st.booleans())


@given(MASKS, MASKS)
def test_dice_and_jaccard_are_symmetric_and_lie_between_0_and_1(a, b):
    for metric in (dice, jaccard):
        assert metric(a, b) == metric(b, a)
        assert 0 <= metric(a, b) <= 1


@given(MASKS, MASKS)
def test_dice_follows_from_jaccard(a, b):
    j = jaccard(a, b)
    assert dice(a, b) == pytest.approx(2 * j / (1 + j))


def test_agree_with_scikit_learn_and_monai(rng):
    import torch
    from monai.metrics import compute_dice, compute_iou
    from sklearn.metrics import f1_score, jaccard_score

    for share in (0.05, 0.3, 0.9):
        a, b = rng.random((2, 40, 30)) < share
        tensors = [torch.from_numpy(m)[None, None].float() for m in (a, b)]
        assert dice(a, b) == pytest.approx(f1_score(b.ravel(), a.ravel()))
        assert dice(a, b) == pytest.approx(float(compute_dice(*tensors)), abs=1e-6)
        assert jaccard(a, b) == pytest.approx(jaccard_score(b.ravel(), a.ravel()))
        assert jaccard(a, b) == pytest.approx(float(compute_iou(*tensors)), abs=1e-6)


@pytest.mark.parametrize("metric", [dice, jaccard])
def test_empty_masks_agree_and_one_empty_mask_is_a_miss_or_a_false_alarm(metric):
    empty, full = np.zeros((4, 5), dtype=bool), np.ones((4, 5), dtype=bool)
    assert metric(empty, empty) == 1.0
    assert metric(empty, full) == metric(full, empty) == 0.0
    assert metric(full, full) == 1.0


def test_a_large_mask_does_not_overflow():
    mask = np.ones((600, 600), dtype=bool)
    assert dice(mask, mask) == 1.0


@pytest.mark.parametrize("check", [require_same_shape, dice, jaccard])
def test_masks_of_different_shapes_are_refused_with_both_sizes(check):
    with pytest.raises(ShapeError, match="7x4, the reference 5x4"):
        check(np.zeros((4, 7), dtype=bool), np.zeros((4, 5), dtype=bool))


@given(MASKS, MASKS)
def test_the_joint_box_is_that_of_scikit_image(a, b):
    rows, columns = joint_box(a, b)
    if not (a | b).any():
        assert (rows, columns) == (slice(0, 1), slice(0, 1))
        return
    (whole,) = regionprops((a | b).astype(int))
    assert (rows.start, columns.start, rows.stop, columns.stop) == whole.bbox
    assert label(a[rows, columns]).max() == label(a).max()


@given(MASKS, MASKS)
def test_cropping_to_the_joint_box_changes_no_overlap(a, b):
    box = joint_box(a, b)
    assert dice(a[box], b[box]) == dice(a, b)
    assert jaccard(a[box], b[box]) == jaccard(a, b)
