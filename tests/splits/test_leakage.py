from __future__ import annotations

from pathlib import Path

import pytest

from echoduet.errors import LeakError, SplitError
from echoduet.records import Case, Label
from echoduet.splits.leakage import Leak, find_leaks, require_no_leak
from echoduet.splits.table import Part, SplitRow, SplitTable


def case(name: str, **known: str) -> Case:
    return Case(name, Path(name), (), Label.BENIGN, **known)


def table(*folds: dict[str, str]) -> SplitTable:
    return SplitTable(
        tuple(SplitRow(name, i, Part(part)) for i, fold in enumerate(folds) for name, part in fold.items())
    )


@pytest.mark.parametrize(
    ("known", "kind"),
    [({"group": "G"}, "group"), ({"patient": "P"}, "patient"), ({"sha256": "abc"}, "equal files")],
)
def test_each_kind_of_tie_is_found(known: dict[str, str], kind: str) -> None:
    cases = [case("a", **known), case("b", **known), case("c")]
    split = table({"a": "train", "b": "test", "c": "val"}, {"a": "test", "b": "test", "c": "train"})
    (value,) = known.values()
    assert find_leaks(split, cases) == [Leak(0, kind, value, "a", Part.TRAIN, "b", Part.TEST)]


def test_val_counts_as_another_side() -> None:
    cases = [case("a", group="G"), case("b", group="G")]
    assert len(find_leaks(table({"a": "train", "b": "val"}), cases)) == 1


def test_one_leak_for_each_pair_of_parts() -> None:
    cases = [case(name, group="G") for name in "abcdef"]
    split = table(dict(zip("abcdef", ["train", "train", "val", "val", "test", "test"], strict=True)))
    found = {(leak.part_a, leak.part_b) for leak in find_leaks(split, cases)}
    assert found == {(Part.TRAIN, Part.VAL), (Part.TRAIN, Part.TEST), (Part.VAL, Part.TEST)}
    assert len(find_leaks(split, cases)) == 3


def test_cases_without_ties_do_not_leak() -> None:
    cases = [case("a"), case("b"), case("c", patient="1", source="x"), case("d", patient="1", source="y")]
    split = table({"a": "train", "b": "test", "c": "train", "d": "test"})
    assert find_leaks(split, cases) == []
    require_no_leak(split, cases)


def test_a_leaking_split_is_refused_with_the_pair_and_what_to_do() -> None:
    cases = [case("a", group="G"), case("b", group="G")]
    expected = r'"a" \(train\) and "b" \(test\) of fold 0 share group G \(and 1 more\).*--protocol clean'
    with pytest.raises(LeakError, match=expected):
        require_no_leak(table({"a": "train", "b": "test"}, {"a": "test", "b": "train"}), cases)


def test_a_split_of_other_cases_is_refused() -> None:
    with pytest.raises(SplitError, match="not in the split"):
        find_leaks(table({"a": "train"}), [case("a"), case("b")])
