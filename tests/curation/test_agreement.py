from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.agreement import SIDE, agreement, mask_agreements, outline
from echoduet.curation.relations import IDENTITY, Pair, Relation, Transform
from echoduet.errors import ImageError
from echoduet.evaluation.overlap import dice

SHAPE = (150, 180)


def agreed(a, b, transform: Transform = IDENTITY) -> float:
    pair = Pair(a.case_id, b.case_id, Relation.SAME_SCAN, transform)
    return mask_agreements([pair], {a.case_id: a, b.case_id: b})[a.case_id, b.case_id]


def test_equal_masks_of_images_of_different_sizes_agree(case_of, scan, disc) -> None:
    small = case_of("benign (1)", scan(1), disc(SHAPE, 60, 70, 25))
    large = case_of("benign (2)", scan(1, (300, 360)), disc((300, 360), 120.5, 140.5, 50))
    half = Transform(scale=0.5, dx=-0.25, dy=-0.25)
    assert agreed(small, large, half) > 0.97
    assert agreed(large, small, half.inverse()) > 0.97


def test_masks_apart_agree_once_one_is_mirrored(case_of, scan, disc) -> None:
    left = case_of("benign (1)", scan(1), disc(SHAPE, 60, 40, 20))
    right = case_of("benign (2)", scan(1), disc(SHAPE, 60, 139, 20))
    assert agreed(left, right) == 0
    assert agreed(left, right, Transform(mirrored=True, dx=179)) == 1


def test_without_a_shift_dice_is_that_of_the_evaluation(case_of, scan, disc) -> None:
    one, two = disc(SHAPE, 60, 70, 25), disc(SHAPE, 70, 80, 30)
    assert agreed(case_of("benign (1)", scan(1), one), case_of("benign (2)", scan(1), two)) == pytest.approx(
        dice(one, two)
    )


@given(st.integers(-20, 20), st.integers(-20, 20))
def test_a_shift_is_followed_and_only_where_both_images_are(dx: int, dy: int) -> None:
    """Image b is a window on a: what lies outside of it speaks neither for nor against."""
    from echoduet.curation.agreement import Outline

    mask = np.zeros((64, 64), bool)
    mask[5:60, 10:50] = True
    window = np.zeros((64, 64), bool)
    rows, columns = slice(max(dy, 0), 64 + min(dy, 0)), slice(max(dx, 0), 64 + min(dx, 0))
    window[slice(max(-dy, 0), 64 + min(-dy, 0)), slice(max(-dx, 0), 64 + min(-dx, 0))] = mask[rows, columns]
    a, b = (Outline(np.packbits(one), (64, 64), (1.0, 1.0)) for one in (mask, window))
    assert agreement(a, b, Transform(dx=dx, dy=dy)) == 1


def test_a_lesion_outside_of_the_overlap_does_not_count(case_of, scan, disc) -> None:
    whole = case_of("benign (1)", scan(1), disc(SHAPE, 60, 30, 15))
    crop = case_of("benign (2)", scan(1)[:, 90:], np.zeros((150, 90), bool))
    assert agreed(whole, crop, Transform(dx=90)) == 1
    assert agreed(whole, crop, Transform(dx=0)) == 0


def test_no_mask_agrees_with_an_empty_one_and_with_no_other(case_of, scan, disc) -> None:
    without = case_of("normal (1)", scan(1))
    empty = case_of("normal (2)", scan(1), np.zeros(SHAPE, bool))
    lesion = case_of("benign (1)", scan(1), disc(SHAPE, 60, 70, 25))
    assert agreed(without, empty) == 1
    assert agreed(without, lesion) == agreed(lesion, without) == 0


def test_a_large_mask_is_kept_small_and_says_the_same(case_of, scan, disc) -> None:
    case = case_of("benign (1)", scan(1, (600, 900)), disc((600, 900), 300, 450, 100))
    kept = outline(case)
    assert max(kept.shape) == SIDE
    assert kept.bits is not None
    assert kept.bits.nbytes <= SIDE * SIDE / 8
    assert kept.mask.mean() == pytest.approx(np.pi * 100**2 / (600 * 900), rel=0.02)


def test_a_damaged_mask_is_named(case_of, scan, disc) -> None:
    case = case_of("benign (1)", scan(1), disc(SHAPE, 60, 70, 25))
    case.masks[0].write_bytes(b"")
    with pytest.raises(ImageError, match=r"benign \(1\)_mask\.png"):
        agreed(case, case_of("benign (2)", scan(1), disc(SHAPE, 60, 70, 25)))


def test_thousands_of_pairs_take_seconds(case_of, scan, disc) -> None:
    cases = {f"benign ({i})": case_of(f"benign ({i})", scan(1), disc(SHAPE, 60, 70 + i, 25)) for i in range(20)}
    names = list(cases)
    pairs = [Pair(names[i % 20], names[(i // 20) % 20], Relation.SAME_SCAN, Transform(dx=i % 5)) for i in range(5000)]
    started = time.process_time()
    mask_agreements(pairs, cases)
    assert time.process_time() - started < 5
