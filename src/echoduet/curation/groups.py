"""Groups: copies of copies are copies."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scipy.cluster.hierarchy import DisjointSet

from echoduet.curation.duplicates import Pair
from echoduet.records import Case

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more copies of one scan, in the order of the cases. The name is that of the first member."""

    name: str
    members: tuple[str, ...]


def duplicate_groups(case_ids: Sequence[str], pairs: Iterable[Pair]) -> tuple[Group, ...]:
    """Return the groups that the pairs form, directly or through others, in the order of their first members."""
    together = _merged(case_ids, ((pair.case_a, pair.case_b) for pair in pairs))
    return tuple(Group(f"dup:{members[0]}", members) for members in together if len(members) > 1)


def membership(groups: Iterable[Group]) -> dict[str, str]:
    """Return the group's name for every case that has copies."""
    return {member: group.name for group in groups for member in group.members}


def ties(cases: Sequence[Case], groups: Iterable[Group]) -> dict[str, str]:
    """Return the name under which each tied case must stay together with others.

    A group that a case already has (from an earlier curation, or another source) stays in force: where a duplicate
    group touches it, both become one, under the earlier name.
    """
    names = {case.case_id: case.group for case in cases if case.group}
    duplicate = membership(groups)
    # Names are merged rather than cases: tuples keep the two kinds of name apart.
    both = [(("earlier", names[member]), ("copies", duplicate[member])) for member in duplicate if member in names]
    known = [*(("earlier", name) for name in names.values()), *(("copies", name) for name in duplicate.values())]
    leader = {name: together[0][1] for together in _merged(list(dict.fromkeys(known)), both) for name in together}
    tied = {member: leader["copies", name] for member, name in duplicate.items()}
    return tied | {member: leader["earlier", name] for member, name in names.items()}


def _merged(items: Sequence[H], links: Iterable[tuple[H, H]]) -> list[tuple[H, ...]]:
    """Return the items in connected sets, members and sets in the items' order."""
    sets = DisjointSet(items)
    for a, b in links:
        sets.merge(a, b)
    members: dict[H, list[H]] = {}
    for item in items:
        members.setdefault(sets[item], []).append(item)
    return [tuple(together) for together in members.values()]
