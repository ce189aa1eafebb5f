from __future__ import annotations

from pathlib import Path

from echoduet.records import Case, Label
from echoduet.splits.groups import bonds, group_numbers


def a_case(name: str, **known: str) -> Case:
    return Case(name, Path(name), (), Label.BENIGN, **known)


def test_group_numbers_follow_ties_through_others() -> None:
    cases = [
        a_case("0", group="a"),
        a_case("1", group="b", patient="p"),
        a_case("2", group="a", patient="p"),
        a_case("3", source="other", patient="p"),
        a_case("4", sha256="same"),
        a_case("5", sha256="same"),
        a_case("6", group="same"),
    ]
    assert group_numbers(cases).tolist() == [0, 0, 0, 1, 2, 2, 3]


def test_cases_about_which_nothing_is_known_stand_alone() -> None:
    assert group_numbers([a_case("0"), a_case("1")]).tolist() == [0, 1]
    assert bonds(a_case("0")) == {}
