from __future__ import annotations

import time
from pathlib import Path

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from echoduet.curation.groups import Group, membership, related_groups, ties
from echoduet.curation.relations import Pair, Relation
from echoduet.records import Case, Label

COPY, SCAN, SCENE = Relation
CLOSER = {COPY: {COPY}, SCAN: {COPY, SCAN}, SCENE: {COPY, SCAN, SCENE}}


def case(name: str, group: str | None = None) -> Case:
    return Case(name, Path(name), (), Label.BENIGN, group=group)


def test_copies_of_copies_are_one_group_named_after_its_first_member() -> None:
    pairs = [Pair("a", "c", COPY), Pair("c", "e", COPY), Pair("b", "d", COPY)]
    groups = related_groups("edcba", pairs)
    assert groups.copies == (Group("dup:e", ("e", "c", "a"), COPY), Group("dup:d", ("d", "b"), COPY))
    assert groups.scans == groups.scenes == groups.copies


def test_looser_relations_unite_the_groups_of_closer_ones() -> None:
    groups = related_groups("abcdef", [Pair("a", "b", COPY), Pair("b", "c", SCAN), Pair("c", "d", SCENE)])
    assert groups.copies == (Group("dup:a", ("a", "b"), COPY),)
    assert groups.scans == (Group("dup:a", ("a", "b", "c"), SCAN),)
    assert groups.scenes == (Group("dup:a", ("a", "b", "c", "d"), SCENE),)


relations = st.sampled_from(list(Relation))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14), relations), max_size=20))
def test_groups_are_the_connected_components_of_each_relation(links: list[tuple[int, int, Relation]]) -> None:
    names = [str(i) for i in range(15)]
    groups = related_groups(names, [Pair(str(a), str(b), relation) for a, b, relation in links])
    for found, relation in ((groups.copies, COPY), (groups.scans, SCAN), (groups.scenes, SCENE)):
        graph = networkx.Graph((str(a), str(b)) for a, b, kind in links if kind in CLOSER[relation])
        expected = {frozenset(nodes) for nodes in networkx.connected_components(graph) if len(nodes) > 1}
        assert {frozenset(group.members) for group in found} == expected
        assert membership(found).keys() == set().union(*expected)
        assert all(list(group.members) == sorted(group.members, key=names.index) for group in found)


def test_a_million_pairs_are_grouped_in_seconds() -> None:
    names = [str(i) for i in range(100_000)]
    links = ((i, (i * 7919 + k) % 10_000) for k in range(10) for i in range(100_000))
    pairs = [Pair(names[a], names[b], SCAN) for a, b in links]
    started = time.process_time()
    groups = related_groups(names, pairs)
    assert time.process_time() - started < 15
    assert sum(len(group.members) for group in groups.scans) == 100_000


def test_ties_name_the_related_only() -> None:
    cases = [case(name) for name in "abc"]
    assert ties(cases, [Group("dup:a", ("a", "b"))]) == {"a": "dup:a", "b": "dup:a"}


def test_an_earlier_group_stays_in_force() -> None:
    cases = [case("a", "scan 1"), case("b", "scan 1"), case("c"), case("d", "dup:a")]
    assert ties(cases, []) == {"a": "scan 1", "b": "scan 1", "d": "dup:a"}


def test_a_group_found_here_joins_the_earlier_groups_it_touches() -> None:
    cases = [case("a", "x"), case("b", "x"), case("c", "y"), case("d", "y"), case("e"), case("f")]
    tied = ties(cases, [Group("dup:b", ("b", "e")), Group("dup:c", ("c", "e2"))])
    assert len({tied[name] for name in ("a", "b", "e")}) == 1
    assert tied["c"] == tied["d"] == tied["e2"] == "y"
    assert tied["a"] == "x"
    assert "f" not in tied


def test_two_earlier_groups_become_one_through_copies() -> None:
    cases = [case("a", "x"), case("b", "x"), case("c", "y"), case("d", "y")]
    assert set(ties(cases, [Group("dup:b", ("b", "c"))]).values()) == {"x"}
