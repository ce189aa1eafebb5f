from __future__ import annotations

from pathlib import Path

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from echoduet.curation.duplicates import Pair, Relation
from echoduet.curation.groups import Group, duplicate_groups, membership, ties
from echoduet.records import Case, Label


def pair(a: str, b: str) -> Pair:
    return Pair(a, b, Relation.NEAR, 0.9)


def case(name: str, group: str | None = None) -> Case:
    return Case(name, Path(name), (), Label.BENIGN, group=group)


def test_copies_of_copies_are_one_group_named_after_its_first_member() -> None:
    groups = duplicate_groups("edcba", [pair("a", "c"), pair("c", "e"), pair("b", "d")])
    assert groups == (Group("dup:e", ("e", "c", "a")), Group("dup:d", ("d", "b")))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=20))
def test_groups_are_the_connected_components(links: list[tuple[int, int]]) -> None:
    names = [str(i) for i in range(15)]
    groups = duplicate_groups(names, [pair(str(a), str(b)) for a, b in links])
    graph = networkx.Graph((str(a), str(b)) for a, b in links)
    expected = {frozenset(nodes) for nodes in networkx.connected_components(graph) if len(nodes) > 1}
    assert {frozenset(group.members) for group in groups} == expected
    assert membership(groups).keys() == set().union(*expected)


def test_ties_name_the_groups_of_copies_only() -> None:
    cases = [case(name) for name in "abc"]
    assert ties(cases, [Group("dup:a", ("a", "b"))]) == {"a": "dup:a", "b": "dup:a"}


def test_an_earlier_group_stays_in_force() -> None:
    cases = [case("a", "scan 1"), case("b", "scan 1"), case("c"), case("d", "dup:a")]
    assert ties(cases, []) == {"a": "scan 1", "b": "scan 1", "d": "dup:a"}


def test_a_group_of_copies_joins_the_earlier_groups_it_touches() -> None:
    cases = [case("a", "x"), case("b", "x"), case("c", "y"), case("d", "y"), case("e"), case("f")]
    tied = ties(cases, [Group("dup:b", ("b", "e")), Group("dup:c", ("c", "e2"))])
    assert len({tied[name] for name in ("a", "b", "e")}) == 1
    assert tied["c"] == tied["d"] == tied["e2"] == "y"
    assert tied["a"] == "x"
    assert "f" not in tied


def test_two_earlier_groups_become_one_through_copies() -> None:
    cases = [case("a", "x"), case("b", "x"), case("c", "y"), case("d", "y")]
    assert set(ties(cases, [Group("dup:b", ("b", "c"))]).values()) == {"x"}
