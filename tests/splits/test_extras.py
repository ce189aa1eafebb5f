from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.errors import SplitError
from echoduet.records import Case, Label
from echoduet.splits.extras import with_extras
from echoduet.splits.folds import clean_folds
from echoduet.splits.leakage import find_leaks
from echoduet.splits.table import Part, SplitRow, SplitTable

LABELS = list(Label)


def case(name: str, group: str | None = None, label: Label = Label.BENIGN) -> Case:
    return Case(name, Path(name), (), label, group=group)


def test_an_extra_case_is_used_only_where_no_relative_is_scored() -> None:
    table = SplitTable(tuple(SplitRow("a", fold, part) for fold, part in enumerate((Part.TRAIN, Part.VAL, Part.TEST))))
    extended = with_extras(table, [case("a", "G"), case("copy", "G"), case("alone")])
    assert [extended.parts(fold)["copy"] for fold in table.folds] == [Part.TRAIN, Part.UNUSED, Part.UNUSED]
    assert [extended.parts(fold)["alone"] for fold in table.folds] == [Part.TRAIN] * 3
    assert extended.test_folds() == table.test_folds()


@given(st.lists(st.integers(0, 30), min_size=40, max_size=80), st.integers(0, 5))
def test_extras_never_leak_and_never_move_what_is_scored(groups: list[int], seed: int) -> None:
    scored = [case(f"{label} ({i})", f"G{i}", label) for label in LABELS for i in range(12)]
    extras = [case(f"extra ({i})", f"G{number}", LABELS[i % 3]) for i, number in enumerate(groups)]
    table = clean_folds(scored, folds=3, seed=seed)
    extended = with_extras(table, [*scored, *extras])
    assert find_leaks(extended, [*scored, *extras]) == []
    for fold in table.folds:
        assert {k: v for k, v in extended.parts(fold).items() if not k.startswith("extra")} == table.parts(fold)
        assert {v for k, v in extended.parts(fold).items() if k.startswith("extra")} <= {Part.TRAIN, Part.UNUSED}


def test_a_larger_set_that_lacks_a_scored_case_is_refused() -> None:
    with pytest.raises(SplitError, match='Case "a" is not in the data'):
        with_extras(SplitTable((SplitRow("a", 0, Part.TEST),)), [case("b")])
