from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from echoduet.errors import ShapeError
from echoduet.evaluation.lesions import Detection, component_iou, detect

MASKS = arrays(bool, (8, 9), elements=st.booleans())


def boxes(*corners):
    mask = np.zeros((40, 40), dtype=bool)
    for top, left, bottom, right in corners:
        mask[top:bottom, left:right] = True
    return mask


def test_each_lesion_is_found_or_not_on_its_own():
    reference = boxes((0, 0, 10, 10), (20, 20, 30, 30))
    predicted = boxes((1, 0, 10, 10), (0, 30, 5, 35))
    assert detect(predicted, reference) == Detection(lesions=2, found=1, false=1)


def test_one_outline_over_two_lesions_finds_one_of_them():
    reference = boxes((0, 0, 10, 10), (0, 12, 10, 22))
    assert detect(boxes((0, 0, 10, 22)), reference) == Detection(lesions=2, found=1, false=0)


def test_two_outlines_within_one_lesion_count_once():
    reference = boxes((0, 0, 10, 20))
    assert detect(boxes((0, 0, 10, 8), (0, 10, 10, 20)), reference) == Detection(lesions=1, found=1, false=1)


@pytest.mark.parametrize(("width", "found"), [(2, 1), (1, 0)])
def test_a_touch_is_no_detection(width, found):
    # Of 100 pixels, 20 have an IoU of 0.2, 10 one of 0.1 exactly and 9 less.
    reference, predicted = boxes((0, 0, 10, 10)), boxes((0, 0, 9 + width // 2, width))
    assert detect(predicted, reference).found == found


def test_the_threshold_itself_counts():
    assert detect(boxes((0, 0, 10, 1)), boxes((0, 0, 10, 10))).found == 1


def test_stray_pixels_are_no_lesions_and_no_false_alarms():
    reference, predicted = boxes((0, 0, 10, 10), (30, 30, 31, 31)), boxes((0, 0, 10, 10), (35, 2, 36, 3))
    assert detect(predicted, reference) == Detection(lesions=2, found=1, false=1)
    assert detect(predicted, reference, min_area=2) == Detection(lesions=1, found=1, false=0)


def test_pixels_that_touch_by_a_corner_are_one_lesion():
    assert detect(boxes(), boxes((0, 0, 5, 5), (5, 5, 9, 9))) == Detection(lesions=1, found=0, false=0)


def test_empty_masks_have_nothing_to_find():
    assert detect(boxes(), boxes()) == Detection(lesions=0, found=0, false=0)
    assert detect(boxes((0, 0, 3, 3)), boxes()) == Detection(lesions=0, found=0, false=1)


@given(MASKS, MASKS)
def test_counts_are_those_of_scikit_image(predicted, reference):
    detection = detect(predicted, reference)
    assert detection.lesions == label(reference, connectivity=2).max()
    assert detection.found + detection.false == label(predicted, connectivity=2).max()
    assert detection.found <= detection.lesions


@given(MASKS)
def test_a_mask_finds_all_its_own_lesions(mask):
    detection = detect(mask, mask)
    assert (detection.found, detection.false) == (detection.lesions, 0)


@given(MASKS, MASKS)
def test_component_iou_is_that_of_the_components(predicted, reference):
    table = component_iou(predicted, reference)
    ours, theirs = (label(m, connectivity=2) for m in (predicted, reference))
    assert table.shape == (ours.max(), theirs.max())
    for i, j in np.ndindex(table.shape):
        a, b = ours == i + 1, theirs == j + 1
        # Both libraries number components in the order of their first pixel.
        assert table[i, j] == pytest.approx((a & b).sum() / (a | b).sum())


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ShapeError):
        detect(np.zeros((2, 3), dtype=bool), np.zeros((3, 2), dtype=bool))
