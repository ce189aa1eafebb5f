"""What happens to each case, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from echoduet.curation.groups import Group, membership
from echoduet.curation.settings import Policy
from echoduet.records import Case


class Verdict(StrEnum):
    """Whether a case stays."""

    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Decision:
    """One case's fate, with the reason and its duplicate group (empty without one)."""

    case_id: str
    verdict: Verdict
    reason: str
    group: str = ""


def decide(cases: Sequence[Case], groups: Sequence[Group], policy: Policy) -> list[Decision]:
    """Decide on every case by its group, in the order of the cases.

    A case without copies is always kept. `keep-one` keeps the member with the most pixels, which shows most of the
    scan, and of equal ones the first; where the members' classes differ, nobody can say which is right, and all go.
    """
    by_id = {case.case_id: case for case in cases}
    fates: dict[str, Decision] = {}
    for group in groups:
        fates |= {decision.case_id: decision for decision in _decide_group(group, by_id, policy)}
    unique = "no copy found"
    return [fates.get(case_id, Decision(case_id, Verdict.KEEP, unique)) for case_id in by_id]


def decide_by_list(cases: Sequence[Case], listed: Collection[str], groups: Sequence[Group]) -> list[Decision]:
    """Keep exactly the cases on a published list; what we found ourselves only tells the group of the dropped."""
    group_of = membership(groups)
    return [
        Decision(case.case_id, Verdict.KEEP, "on the published list")
        if case.case_id in listed
        else Decision(case.case_id, Verdict.DROP, "not on the published list", group_of.get(case.case_id, ""))
        for case in cases
    ]


def _decide_group(group: Group, cases: Mapping[str, Case], policy: Policy) -> Iterator[Decision]:
    chosen, reason = _chosen(group, cases, policy)
    for member in group.members:
        if member in chosen:
            yield Decision(member, Verdict.KEEP, reason, group.name)
        else:
            why = f"copy of {chosen[0]}" if chosen else reason
            yield Decision(member, Verdict.DROP, why, group.name)


def _chosen(group: Group, cases: Mapping[str, Case], policy: Policy) -> tuple[tuple[str, ...], str]:
    """Return the members that stay, and why they stay, or why none does."""
    size = len(group.members)
    if policy is Policy.AUDIT:
        return group.members, f"one of {size} copies; an audit drops nothing"
    if policy is Policy.DROP_ALL:
        return (), f"one of {size} copies, of which none is kept"
    if len({cases[member].label for member in group.members}) > 1:
        return (), f"one of {size} copies that stand in different classes"
    best = max(group.members, key=lambda member: cases[member].width * cases[member].height)
    return (best,), f"the largest of {size} copies"
