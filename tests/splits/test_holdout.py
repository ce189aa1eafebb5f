"""One division into train and validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import CLASSES, Case
from echoduet.splits.holdout import hold_out
from echoduet.splits.leakage import find_leaks
from echoduet.splits.table import Part


def cases(per_class: int, group_of: int = 1) -> list[Case]:
    return [
        Case(f"{label} ({i})", Path("x.png"), (), label, group=f"{label}-{i // group_of}")
        for label in CLASSES
        for i in range(per_class)
    ]


def test_every_case_stands_once_and_no_test_part_exists():
    given = cases(20)
    table = hold_out(given, SplitConfig())
    assert table.folds == (0,)
    assert sorted(table.case_ids) == sorted(case.case_id for case in given)
    assert table.ids(0, Part.TEST) == ()
    for label in CLASSES:
        assert sum(case_id.startswith(label) for case_id in table.ids(0, Part.VAL)) == 4


def test_groups_stay_together():
    given = cases(24, group_of=3)
    assert find_leaks(hold_out(given, SplitConfig()), given) == []


def test_the_order_of_the_cases_does_not_matter():
    given = cases(15, group_of=2)
    assert hold_out(given, SplitConfig()) == hold_out(given[::-1], SplitConfig())


def test_a_class_too_small_to_divide_is_named():
    given = [case for case in cases(10) if not (case.label == "normal" and case.case_id != "normal (0)")]
    with pytest.raises(SplitError, match='Class "normal" has 1 independent group'):
        hold_out(given, SplitConfig())
