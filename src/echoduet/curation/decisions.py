"""What happens to each case, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from echoduet.curation.conflicts import CONTRADICTIONS, OUTLINE_FAULTS, Finding, FindingKind, of_one_scan
from echoduet.curation.groups import Group, Groups, membership
from echoduet.curation.relations import Pair
from echoduet.curation.settings import ConflictRule, Policy
from echoduet.records import Case, Label


class Verdict(StrEnum):
    """Whether a case stays; `review` waits for a person, and is not in the manifest until then."""

    KEEP = "keep"
    DROP = "drop"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Decision:
    """One case's fate, with the reason and its group of related images (empty without one)."""

    case_id: str
    verdict: Verdict
    reason: str
    group: str = ""


Fate = tuple[Verdict, str]
"""A verdict and its reason."""

Answer = tuple[str, str, datetime]
"""What a person said of a case, "keep" or "drop"; who; and when."""

CONFLICT_REASONS = {
    FindingKind.LABEL_CONFLICT: "one scan in different classes",
    FindingKind.NORMAL_COPIES_LESION: "one scan, normal and with a lesion",
    FindingKind.MASK_CONFLICT: "one scan, outlined in different places",
    FindingKind.LESION_WITHOUT_MASK: "a lesion without a mask",
    FindingKind.NORMAL_WITH_MASK: "a normal with a mask",
}
"""Why a case waits for a person, or is dropped as contradictory."""


def nobody(case_id: str) -> Answer | None:
    """Return no answer: what a run without a review knows."""
    return None


@dataclass(frozen=True)
class Evidence:
    """What the decisions rest on.

    Attributes:
        cases: by id.
        groups: the groups of related images.
        findings: contradictions and outline faults among the findings count, the others do not.
        overlaid: cases with graphics burnt in.
        agreement: mean Dice of a case's mask with those of the others of its scan.
        answer: what a person said of a case, or None.
    """

    cases: Mapping[str, Case]
    groups: Groups
    findings: Sequence[Finding] = ()
    overlaid: Collection[str] = frozenset()
    agreement: Mapping[str, float] = field(default_factory=dict)
    answer: Callable[[str], Answer | None] = nobody

    @cached_property
    def copy_of(self) -> dict[str, str]:
        """The group of equal images of every case that is in one."""
        return membership(self.groups.copies)


def mean_agreements(pairs: Iterable[Pair], agreements: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Return for every case the mean Dice of its mask with those of the same scan that it was compared with."""
    values: dict[str, list[float]] = defaultdict(list)
    for pair in of_one_scan(pairs):
        both = (pair.case_a, pair.case_b)
        for case_id in both:
            values[case_id].append(agreements[both])
    return {case_id: sum(dices) / len(dices) for case_id, dices in values.items()}


def decide(evidence: Evidence, policy: Policy, rule: ConflictRule = ConflictRule.REVIEW) -> list[Decision]:
    """Decide on every case, in the order of the cases.

    Policies act on groups of one scan; frames of one scene stay. A person's answer goes before every policy.

    Args:
        evidence: what is known of the cases.
        policy: what to do with a group.
        rule: what to do with cases that contradict each other, or their own mask, where the policy would keep them.
    """
    faults = {finding.cases[0]: finding.kind for finding in evidence.findings if finding.kind in OUTLINE_FAULTS}
    fates: dict[str, Fate] = {case_id: _alone(case_id, faults, policy, rule) for case_id in evidence.cases}
    conflicts = _open_conflicts(evidence)
    for group in evidence.groups.scans:
        fates |= _fates(group, conflicts.get(group.name, []), faults, evidence, policy, rule)
    return _with_answers(fates, evidence)


def decide_by_list(evidence: Evidence, listed: Collection[str]) -> list[Decision]:
    """Keep exactly the cases on a published list, save where a person says otherwise."""
    on, off = (Verdict.KEEP, "on the published list"), (Verdict.DROP, "not on the published list")
    return _with_answers({case_id: on if case_id in listed else off for case_id in evidence.cases}, evidence)


def _with_answers(fates: Mapping[str, Fate], evidence: Evidence) -> list[Decision]:
    group_of = membership(evidence.groups.scenes)
    return [
        Decision(case_id, *(_answered(case_id, evidence) or fate), group_of.get(case_id, ""))
        for case_id, fate in fates.items()
    ]


def _answered(case_id: str, evidence: Evidence) -> Fate | None:
    """Return what a person decided; None without an answer, or where the case would be taught as an empty mask."""
    said = evidence.answer(case_id)
    if said is None:
        return None
    verdict, by, when = said
    case = evidence.cases[case_id]
    if verdict == Verdict.KEEP and not case.masks and case.label is not Label.NORMAL:
        return Verdict.REVIEW, f"kept by {by} on {when:%Y-%m-%d}, but has no mask; add it"
    return Verdict(verdict), f"decided by {by} on {when:%Y-%m-%d}"


def _alone(case_id: str, faults: Mapping[str, FindingKind], policy: Policy, rule: ConflictRule) -> Fate:
    """Return the fate of a case that shares its scan with no other."""
    return _of_fault(faults.get(case_id), policy, rule) or (Verdict.KEEP, "no copy found")


def _of_fault(fault: FindingKind | None, policy: Policy, rule: ConflictRule) -> Fate | None:
    """Return the fate of a case whose class and mask contradict each other; None where it may stay."""
    # A lesion without a mask would be taught as an empty one, so that not even an audit's manifest may hold it.
    must = fault is FindingKind.LESION_WITHOUT_MASK
    if fault is None or (not must and (policy is Policy.AUDIT or rule is ConflictRule.KEEP)):
        return None
    return Verdict.DROP if rule is ConflictRule.DROP else Verdict.REVIEW, CONFLICT_REASONS[fault]


def _open_conflicts(evidence: Evidence) -> dict[str, list[Finding]]:
    """Return the contradictions of every scan that no person has settled for all of their cases."""
    scan_of = membership(evidence.groups.scans)
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in evidence.findings:
        if finding.kind in CONTRADICTIONS and not all(map(evidence.answer, finding.cases)):
            found[scan_of[finding.cases[0]]].append(finding)
    return found


def _fates(
    group: Group,
    conflicts: Sequence[Finding],
    faults: Mapping[str, FindingKind],
    evidence: Evidence,
    policy: Policy,
    rule: ConflictRule,
) -> dict[str, Fate]:
    """Return the fates of images of one scan."""
    size = len(group.members)
    if policy is Policy.DROP_ALL:
        return dict.fromkeys(group.members, (Verdict.DROP, f"one of {size} copies, of which none is kept"))
    faulty = {m: fate for m in group.members if (fate := _of_fault(faults.get(m), policy, rule))}
    sound = [member for member in group.members if member not in faulty]
    if policy is Policy.AUDIT:
        return dict.fromkeys(sound, (Verdict.KEEP, f"one of {size} copies; an audit drops nothing")) | faulty
    opposed = [] if rule is ConflictRule.KEEP else conflicts
    verdict = Verdict.DROP if rule is ConflictRule.DROP else Verdict.REVIEW
    if policy is Policy.KEEP_ALL_GROUPED:
        kept = dict.fromkeys(sound, (Verdict.KEEP, f"one of {size} copies, kept together"))
        return kept | faulty | _opposed(opposed, verdict)
    if opposed:
        return dict.fromkeys(group.members, (verdict, CONFLICT_REASONS[opposed[0].kind]))
    return _keep_one(group, sound, evidence) if sound else faulty


def _opposed(conflicts: Sequence[Finding], verdict: Verdict) -> dict[str, Fate]:
    """Return the fates of the cases that contradict another; the gravest contradiction is the reason."""
    gravest_last = reversed(conflicts)
    return {member: (verdict, CONFLICT_REASONS[finding.kind]) for finding in gravest_last for member in finding.cases}


def _keep_one(group: Group, sound: Sequence[str], evidence: Evidence) -> dict[str, Fate]:
    """Keep those that a person keeps, or else the best one that no person drops; the others are copies of it."""
    answers = {member: said[0] for member in group.members if (said := _answered(member, evidence))}
    left = [member for member in sound if member not in answers]
    by_person = [member for member, verdict in answers.items() if verdict is Verdict.KEEP]
    if not left and not by_person:
        return dict.fromkeys(group.members, (Verdict.DROP, "nothing of its scan is left to keep"))
    best, why = (by_person[0], "") if by_person else _representative(left, evidence)
    copied = evidence.copy_of.get(best, best)
    fates = {
        member: (Verdict.DROP, f"copy of {best}" if evidence.copy_of.get(member) == copied else f"same scan as {best}")
        for member in group.members
    }
    return fates | {best: (Verdict.KEEP, f"kept of {len(group.members)} copies: {why}")}


def _representative(members: Sequence[str], evidence: Evidence) -> tuple[str, str]:
    """Return the member that stands for its scan, and the rules that decided.

    The rules one after the other, each among those that the one before left: no graphics burnt in, most pixels, best
    mean Dice of its mask with the others', first.
    """
    rules: tuple[tuple[str, Callable[[str], float]], ...] = (
        ("without graphics", lambda member: member not in evidence.overlaid),
        ("largest", lambda member: evidence.cases[member].width * evidence.cases[member].height),
        ("best mask agreement", lambda member: round(evidence.agreement.get(member, 0.0), 4)),
    )
    left, decided = list(members), []
    for words, merit in rules:
        merits = {member: merit(member) for member in left}
        best = max(merits.values())
        if min(merits.values()) < best:
            decided.append(words)
        left = [member for member in left if merits[member] == best]
    return left[0], ", ".join([*decided, *(["first"] if len(left) > 1 else [])]) or "the only one left"
