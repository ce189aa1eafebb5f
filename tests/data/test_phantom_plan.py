"""What is asked for, what is refused, and which copies follow from it."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.phantom_plan import DUPLICATE_COLUMNS, PhantomSpec, busi_proportions, plan_copies
from echoduet.data.tampering import RELATIONS
from echoduet.errors import ConfigError
from echoduet.records import CLASSES, Label


@given(st.integers(0, 2000))
def test_proportions_add_up(count):
    numbers = busi_proportions(count)
    assert sum(numbers) == count
    assert min(numbers) >= 0


def test_proportions_are_those_of_busi():
    assert busi_proportions(780) == (437, 210, 133)
    spec = PhantomSpec.of_count(100, seed=4, size=64)
    assert (spec.benign, spec.malignant, spec.normal, spec.seed, spec.size) == (56, 27, 17, 4, 64)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"benign": -1}, "benign: -1"),
        ({"normal": 1, "seed": -3}, "seed: -3"),
        ({"normal": 1, "size": 31}, "size: 31"),
        ({"normal": 1, "size": 4096}, "size: 4096"),
        ({"duplicates": 2}, "duplicates: 2"),
        ({"benign": 3, "duplicates": 1, "conflicts": 2}, "conflicts: 2"),
        ({"normal": 3, "duplicates": 1, "conflicts": 1}, "conflicts: only"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(wrong, named):
    with pytest.raises(ConfigError, match=named):
        PhantomSpec(**wrong)


def test_originals_come_by_class_and_number():
    names = [identity.case_id for identity in PhantomSpec(benign=2, malignant=1, normal=1).originals()]
    assert names == ["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]


specs = st.builds(
    PhantomSpec,
    benign=st.integers(1, 9),
    malignant=st.integers(0, 9),
    normal=st.integers(0, 9),
    seed=st.integers(0, 999),
    duplicates=st.integers(8, 40),
    conflicts=st.integers(0, 8),
)


@given(specs)
def test_a_plan_keeps_its_promises(spec):
    copies = plan_copies(spec)
    originals = set(spec.originals())
    assert len(copies) == spec.duplicates
    assert sum(copy.conflicting for copy in copies) == spec.conflicts
    assert {copy.original for copy in copies} <= originals
    # No copy takes the name of an original or of another copy, and numbers have no gaps.
    names = [copy.identity for copy in copies]
    assert len({*names, *originals}) == len(copies) + len(originals)
    for label in CLASSES:
        numbers = sorted(identity.number for identity in {*names, *originals} if identity.label is label)
        assert numbers == list(range(1, len(numbers) + 1))


@given(specs)
def test_every_relation_gets_its_turn(spec):
    relations = Counter(copy.change.relation for copy in plan_copies(spec))
    assert set(relations) == set(RELATIONS)
    assert max(relations.values()) - min(relations.values()) <= 1


def test_only_lesions_are_disputed():
    copies = plan_copies(PhantomSpec(benign=3, malignant=3, normal=30, duplicates=20, conflicts=20))
    assert all(copy.original.label is not Label.NORMAL for copy in copies)
    assert {copy.identity.label for copy in copies} == set(CLASSES)


def test_groups_of_three_occur_but_pairs_are_the_rule():
    copies = plan_copies(PhantomSpec(benign=60, malignant=30, duplicates=48))
    members = Counter(copy.original for copy in copies)
    sizes = Counter(members.values())
    assert sizes[1] > sizes[2] > 0


def test_the_plan_depends_on_the_seed_alone():
    spec = PhantomSpec(benign=9, malignant=9, duplicates=12)
    assert plan_copies(spec) == plan_copies(spec)
    assert plan_copies(spec) != plan_copies(PhantomSpec(benign=9, malignant=9, duplicates=12, seed=7))


def test_rows_tell_the_truth_about_labels_and_masks():
    for copy in plan_copies(PhantomSpec(benign=9, malignant=9, normal=9, duplicates=40, conflicts=10)):
        row = copy.row()
        assert tuple(row) == DUPLICATE_COLUMNS
        assert str(row["case_b"]).startswith(str(row["label_b"]))
        assert (row["label_a"] != row["label_b"]) == copy.conflicting
        assert (row["mask"] == "empty") == (row["label_b"] == "normal")
        if row["mask"] != "empty":
            assert (row["mask"] == "redrawn") == ("redrawn" in json.loads(str(row["transform"])))
