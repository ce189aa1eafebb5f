"""Groups: copies of copies are copies, and what shares a scene shares a group."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scipy.cluster.hierarchy import DisjointSet

from echoduet.curation.relations import Pair, Relation
from echoduet.records import Case

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more related images, in the order of the cases. The name is that of the first member.

    `relation` is the closest one that still ties all members, directly or through others.
    """

    name: str
    members: tuple[str, ...]
    relation: Relation = Relation.SAME_SCENE


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that a set of pairs forms, per relation, each in the order of their first members.

    Attributes:
        copies: tied by `copy` alone.
        scans: tied by `copy` and `same-scan`: what the policies act on.
        scenes: tied by any relation: what must stay on one side of a split.
    """

    copies: tuple[Group, ...]
    scans: tuple[Group, ...]
    scenes: tuple[Group, ...]


def related_groups(case_ids: Sequence[str], pairs: Sequence[Pair]) -> Groups:
    """Return the groups that the pairs form, directly or through others, for each relation."""
    # Each level begins with the groups of the one before, so that a union of a million pairs is made once.
    sets = DisjointSet(case_ids)
    found: dict[Relation, tuple[Group, ...]] = {}
    closer: dict[tuple[str, ...], Relation] = {}
    for relation in Relation:  # the closest first
        for pair in pairs:
            if pair.relation is relation:
                sets.merge(pair.case_a, pair.case_b)
        groups = tuple(_named(members, closer, relation) for members in _sets(sets, case_ids) if len(members) > 1)
        closer = {group.members: group.relation for group in groups}
        found[relation] = groups
    return Groups(found[Relation.COPY], found[Relation.SAME_SCAN], found[Relation.SAME_SCENE])


def _named(members: tuple[str, ...], closer: dict[tuple[str, ...], Relation], relation: Relation) -> Group:
    return Group(f"dup:{members[0]}", members, closer.get(members, relation))


def membership(groups: Iterable[Group]) -> dict[str, str]:
    """Return the group's name for every case that is in one."""
    return {member: group.name for group in groups for member in group.members}


def ties(cases: Sequence[Case], groups: Iterable[Group]) -> dict[str, str]:
    """Return the name under which each tied case must stay together with others.

    A group that a case already has (from an earlier curation, or another source) stays in force: where a group found
    here touches it, both become one, under the earlier name.
    """
    names = {case.case_id: case.group for case in cases if case.group}
    related = membership(groups)
    # Names are merged rather than cases: tuples keep the two kinds of name apart.
    both = [(("earlier", names[member]), ("found", related[member])) for member in related if member in names]
    known = [*(("earlier", name) for name in names.values()), *(("found", name) for name in related.values())]
    leader = {name: together[0][1] for together in _merged(list(dict.fromkeys(known)), both) for name in together}
    tied = {member: leader["found", name] for member, name in related.items()}
    return tied | {member: leader["earlier", name] for member, name in names.items()}


def _merged(items: Sequence[H], links: Iterable[tuple[H, H]]) -> Iterator[tuple[H, ...]]:
    """Yield the items in connected sets, members and sets in the items' order."""
    sets = DisjointSet(items)
    for a, b in links:
        sets.merge(a, b)
    yield from _sets(sets, items)


def _sets(sets: DisjointSet, items: Sequence[H]) -> Iterator[tuple[H, ...]]:
    members: dict[H, list[H]] = {}
    for item in items:
        members.setdefault(sets[item], []).append(item)
    return map(tuple, members.values())
