from __future__ import annotations

from dataclasses import replace

import pytest

from echoduet.errors import PairingError
from echoduet.experiments.comparison.arms import Arm, grid_warning, on_common_seeds, paired
from echoduet.records import Label


def changed(arm, seed, function):
    """Return the arm with the rows of one seed changed."""
    return Arm(arm.name, {**arm.rows, seed: tuple(function(list(arm.rows[seed])))})


def alter(position, **values):
    def function(rows):
        rows[position] = replace(rows[position], **values)
        return rows

    return function


def test_arms_that_pair_come_back_in_the_order_of_the_first(make_arm):
    a, b = make_arm("A", seeds=(2, 1)), make_arm("B", seeds=(1, 2))
    shuffled = changed(b, 2, lambda rows: rows[::-1])
    one, other = paired([a, shuffled])
    assert [row.case_id for row in other.rows[2]] == [row.case_id for row in a.cases]
    assert other.rows[2] == b.rows[2]
    assert list(one.rows) == list(other.rows) == [1, 2]


def test_one_arm_alone_is_in_order(make_arm):
    assert paired([make_arm("A")])[0] == make_arm("A")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda rows: [row for row in rows if row.fold != 2], r"^B: lacks fold 2, which A has"),
        (lambda rows: rows[:7] + rows[8:], r"^B: lacks case c7, which A has"),
        (lambda rows: rows[:20] + rows[40:], r"^B: lacks cases c20, c21, c22, c23, c24 and 15 more"),
        (lambda rows: rows + rows[:1], r"^B: case c0 is scored 2 times"),
        (lambda rows: [], r"^B: holds no scored case"),
        (alter(4, label=Label.NORMAL), r"^B: case c4 has label normal, but malignant in A"),
        (alter(4, fold=3), r"^B: case c4 has fold 3, but 0 in A"),
        (alter(4, group="g0-2"), r"^B: case c4 belongs to another group of copies than in A"),
        (alter(4, reference_area=7), r"^B: case c4 has area of the reference mask 7, but 50 in A"),
    ],
)
def test_what_does_not_pair_is_named_with_the_arm(make_arm, function, told):
    arms = [make_arm("A"), changed(make_arm("B"), 1, function)]
    with pytest.raises(PairingError, match=told):
        paired(arms)


def test_a_fold_or_case_that_only_the_second_arm_has_is_missing_from_the_first(make_arm):
    short = changed(make_arm("A"), 1, lambda rows: [row for row in rows if row.fold != 0])
    with pytest.raises(PairingError, match=r"^A: lacks fold 0, which B has"):
        paired([short, make_arm("B")])


def test_a_missing_seed_is_named(make_arm):
    with pytest.raises(PairingError, match=r"^B: lacks seeds 2, 3, which A has"):
        paired([make_arm("A", seeds=(1, 2, 3)), make_arm("B", seeds=(1,))])


def test_a_case_missing_in_one_seed_only_is_found(make_arm):
    b = changed(make_arm("B", seeds=(1, 2)), 2, lambda rows: rows[1:])
    with pytest.raises(PairingError, match=r"^B: lacks case c0"):
        paired([make_arm("A", seeds=(1, 2)), b])


@pytest.mark.parametrize("short", [1, 2])
def test_a_fold_that_one_seed_lacks_is_named_whichever_seed_it_is(make_arm, short):
    def without(name):
        return changed(make_arm(name, seeds=(1, 2)), short, lambda rows: [row for row in rows if row.fold != 3])

    told = rf"^A: lacks fold 3 in seed {short}, which another of its seeds has\. Run the missing part\.$"
    with pytest.raises(PairingError, match=told):
        paired([without("A")])
    with pytest.raises(PairingError, match=rf"^A: lacks fold 3 in seed {short}, which B has\."):
        paired([without("A"), without("B")])


def test_names_must_differ_and_there_must_be_an_arm(make_arm):
    with pytest.raises(PairingError, match="Two systems are called A"):
        paired([make_arm("A"), make_arm("A")])
    with pytest.raises(PairingError, match="no system"):
        paired([])


def test_groups_pair_by_who_is_together_not_by_what_they_are_called(make_arm):
    renamed = changed(make_arm("B"), 1, lambda rows: [replace(row, group=f"x{row.group}") for row in rows])
    assert paired([make_arm("A"), renamed])


def test_another_grid_is_told_but_not_refused(make_arm):
    wide = changed(make_arm("B"), 1, lambda rows: [replace(row, width=99, reference_area=9) for row in rows])
    arms = paired([make_arm("A"), wide])
    assert "B were scored on another grid than those of A" in grid_warning(arms)
    assert grid_warning([make_arm("A"), make_arm("B")]) is None


def test_an_unfinished_grid_is_compared_on_the_seeds_that_all_have_and_says_so(make_arm):
    arms = [make_arm("A", seeds=(1, 2, 3)), make_arm("B", seeds=(2, 3, 4))]
    kept, told = on_common_seeds(arms)
    assert [list(arm.rows) for arm in paired(kept)] == [[2, 3], [2, 3]]
    assert told.endswith("left out: 1, 4.")
    assert on_common_seeds(kept) == (kept, None)
    with pytest.raises(PairingError, match="no seed for which every system is complete"):
        on_common_seeds([make_arm("A", seeds=(1,)), make_arm("B", seeds=(2,))])
