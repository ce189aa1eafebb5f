from __future__ import annotations

from pathlib import Path

import pytest

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import CLASSES, Case, Label
from echoduet.splits.holdout import hold_out
from echoduet.splits.leakage import find_leaks
from echoduet.splits.table import Part


def some_cases(per_class: int, images_per_patient: int = 1) -> list[Case]:
    return [
        Case(f"{label} ({i})", Path(f"{i}"), (), label, patient=f"{label}{i // images_per_patient}")
        for label in CLASSES
        for i in range(per_class)
    ]


def test_each_class_is_divided_by_the_share_and_patients_stay_whole() -> None:
    cases = some_cases(60, images_per_patient=3)
    table = hold_out(cases, SplitConfig(train_share=0.8))
    assert table.folds == (0,)
    assert table.ids(0, Part.TEST) == ()
    assert find_leaks(table, cases) == []
    for label in CLASSES:
        assert sum(name.startswith(label) for name in table.ids(0, Part.VAL)) == pytest.approx(12, abs=2)


def test_two_images_of_a_class_stand_one_on_each_side() -> None:
    table = hold_out(some_cases(2), SplitConfig())
    assert [len(table.ids(0, part)) for part in Part] == [3, 3, 0]


def test_the_seed_decides_and_the_order_does_not() -> None:
    cases = some_cases(20)
    assert hold_out(cases, SplitConfig()) == hold_out(cases[::-1], SplitConfig())
    assert hold_out(cases, SplitConfig()) != hold_out(cases, SplitConfig(seed=7))


def test_a_class_on_one_side_only_is_refused() -> None:
    cases = [*some_cases(5), *(Case(f"x{i}", Path("x"), (), Label.NORMAL, group="g") for i in range(3))]
    alone = [case for case in cases if case.label is not Label.NORMAL or case.group]
    with pytest.raises(SplitError, match='Class "normal" has 1 independent group'):
        hold_out(alone, SplitConfig())
