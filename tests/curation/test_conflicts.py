from __future__ import annotations

import numpy as np
import pytest

from echoduet.curation.conflicts import FindingKind, label_conflicts, mask_agreements, mask_conflicts
from echoduet.curation.duplicates import Pair, Relation
from echoduet.curation.groups import Group
from echoduet.errors import ImageError
from echoduet.records import Label


def test_a_group_with_two_classes_is_a_conflict(case_of, scan) -> None:
    cases = {
        "benign (1)": case_of("benign (1)", scan(1)),
        "benign (2)": case_of("benign (2)", scan(1)),
        "normal (1)": case_of("normal (1)", scan(1)),
    }
    same, mixed = Group("dup:s", ("benign (1)", "benign (2)")), Group("dup:m", ("benign (2)", "normal (1)"))
    (finding,) = label_conflicts([same, mixed], cases)
    assert (finding.kind, finding.group, finding.cases) == (FindingKind.LABEL_CONFLICT, "dup:m", mixed.members)
    assert "benign (2) is benign, normal (1) is normal" in finding.message


def agreement(a, b, relation=Relation.NEAR) -> float:
    pair = Pair(a.case_id, b.case_id, relation, 0.9)
    return mask_agreements([pair], {a.case_id: a, b.case_id: b})[pair]


def test_equal_masks_of_images_of_different_sizes_agree(case_of, scan, disc) -> None:
    small = case_of("benign (1)", scan(1), disc((150, 180), 60, 70, 25))
    large = case_of("benign (2)", scan(1, (300, 360)), disc((300, 360), 120, 140, 50))
    assert agreement(small, large) > 0.98


def test_masks_apart_do_not_agree(case_of, scan, disc) -> None:
    left = case_of("benign (1)", scan(1), disc((150, 180), 60, 40, 20))
    right = case_of("benign (2)", scan(1), disc((150, 180), 60, 140, 20))
    assert agreement(left, right) == 0
    assert agreement(left, right, Relation.MIRRORED) > 0.9


def test_half_of_a_mask_agrees_with_two_thirds(case_of, scan) -> None:
    whole = np.zeros((128, 128), bool)
    whole[32:96, 32:96] = True
    half = whole.copy()
    half[:, 64:] = False
    a, b = case_of("benign (1)", scan(1, (128, 128)), whole), case_of("benign (2)", scan(1, (128, 128)), half)
    assert agreement(a, b) == pytest.approx(2 / 3)


def test_no_mask_agrees_with_an_empty_one_and_with_no_other(case_of, scan, disc) -> None:
    without = case_of("normal (1)", scan(1))
    empty = case_of("normal (2)", scan(1), np.zeros((150, 180), bool))
    lesion = case_of("benign (1)", scan(1), disc((150, 180), 60, 70, 25))
    assert agreement(without, empty) == 1
    assert agreement(without, lesion) == 0


def test_only_disagreement_below_the_threshold_is_a_conflict() -> None:
    pairs = {Pair("a", "b", Relation.NEAR, 0.9): 0.7, Pair("a", "c", Relation.NEAR, 0.9): 0.69}
    (finding,) = mask_conflicts(pairs, [Group("dup:a", ("a", "b", "c"))], 0.7)
    assert (finding.kind, finding.cases, finding.group, finding.value) == (
        FindingKind.MASK_CONFLICT,
        ("a", "c"),
        "dup:a",
        0.69,
    )
    assert "Dice of 0.69" in finding.message


def test_a_damaged_mask_is_named(case_of, scan, disc) -> None:
    case = case_of("benign (1)", scan(1), disc((150, 180), 60, 70, 25))
    case.masks[0].write_bytes(b"")
    with pytest.raises(ImageError, match=r"benign \(1\)_mask\.png"):
        agreement(case, case_of("benign (2)", scan(1), disc((150, 180), 60, 70, 25), Label.BENIGN))
