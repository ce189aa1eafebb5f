"""What contradicts itself among related images: the class, or whether and where there is a lesion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from echoduet.curation.groups import Group
from echoduet.curation.relations import Pair, Relation
from echoduet.records import Case, Label

NAMED = 8
"""Cases that a message names; a group may have ten thousand."""


class FindingKind(StrEnum):
    """What a finding is about, the gravest first."""

    UNUSABLE = "unusable"
    DATA_SET = "data-set"
    LABEL_CONFLICT = "label-conflict"
    NORMAL_COPIES_LESION = "normal-copies-lesion"
    MASK_CONFLICT = "mask-conflict"
    LESION_WITHOUT_MASK = "lesion-without-mask"
    NORMAL_WITH_MASK = "normal-with-mask"
    CROSS_SET = "cross-set"
    LISTED_COPIES = "listed-copies"
    UNLISTED_ORIGINAL = "unlisted-original"
    LISTED_MISSING = "listed-missing"


CONTRADICTIONS = frozenset({FindingKind.LABEL_CONFLICT, FindingKind.NORMAL_COPIES_LESION, FindingKind.MASK_CONFLICT})
"""What is wrong between images of one scan; nobody can say by the images alone which of them is right."""

OUTLINE_FAULTS = frozenset({FindingKind.LESION_WITHOUT_MASK, FindingKind.NORMAL_WITH_MASK})
"""What is wrong between one image's class and its own mask."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at.

    Attributes:
        kind: what it is about.
        cases: the cases concerned.
        message: a sentence that names them.
        group: the group of related images, where there is one.
        value: the figure on which it rests, where there is one.
    """

    kind: FindingKind
    cases: tuple[str, ...]
    message: str
    group: str = ""
    value: float | None = None


def label_conflicts(
    scans: Iterable[Group], cases: Mapping[str, Case], group_of: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return a finding for every group of one scan with more than one class.

    Args:
        scans: groups of copies and images of one scan.
        cases: by id.
        group_of: the name under which a case's group is told; left out, that of its scan.
    """
    findings = []
    for group in scans:
        if len({cases[member].label for member in group.members}) > 1:
            message = f"One scan stands in different classes: {_classes(group.members, cases)}."
            name = (group_of or {}).get(group.members[0], group.name)
            findings.append(Finding(FindingKind.LABEL_CONFLICT, group.members, message, name))
    return findings


def normal_copies(pairs: Iterable[Pair], cases: Mapping[str, Case], group_of: Mapping[str, str]) -> list[Finding]:
    """Return a finding for every pair of one scan of which one image is normal and the other shows a lesion."""
    findings = []
    for pair in of_one_scan(pairs):
        normal, lesion = sorted((pair.case_a, pair.case_b), key=lambda name: cases[name].label is not Label.NORMAL)
        if cases[normal].label is Label.NORMAL and cases[lesion].label is not Label.NORMAL:
            message = f"{normal} is normal, but shows the scan of {lesion}, which is {cases[lesion].label}."
            kind, both = FindingKind.NORMAL_COPIES_LESION, (pair.case_a, pair.case_b)
            findings.append(Finding(kind, both, message, group_of.get(normal, ""), pair.similarity))
    return findings


def mask_conflicts(
    pairs: Iterable[Pair],
    agreements: Mapping[tuple[str, str], float],
    cases: Mapping[str, Case],
    group_of: Mapping[str, str],
    least: float,
) -> list[Finding]:
    """Return a finding for every pair of one scan whose masks, once aligned, agree with a Dice below `least`.

    A normal beside a lesion, and a lesion that has no mask at all, are findings of their own and none here.
    """
    findings = []
    for pair in of_one_scan(pairs):
        dice = agreements[pair.case_a, pair.case_b]
        if dice < least and _both_outlined(cases[pair.case_a], cases[pair.case_b]):
            both = (pair.case_a, pair.case_b)
            message = (
                f"The masks of {pair.case_a} and {pair.case_b}, images of one scan, agree with a Dice of {dice:.2f}."
            )
            findings.append(Finding(FindingKind.MASK_CONFLICT, both, message, group_of.get(both[0], ""), dice))
    return findings


def across_sets(pairs: Iterable[Pair], cases: Mapping[str, Case], group_of: Mapping[str, str]) -> list[Finding]:
    """Return a finding for every related pair whose images come from two data sets."""
    findings = []
    for pair in pairs:
        a, b = cases[pair.case_a], cases[pair.case_b]
        if a.source != b.source:
            message = f"{a.case_id} of {a.source} and {b.case_id} of {b.source} are related: {pair.relation}."
            both, group = (a.case_id, b.case_id), group_of.get(a.case_id, "")
            findings.append(Finding(FindingKind.CROSS_SET, both, message, group, pair.similarity))
    return findings


def of_one_scan(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Yield the pairs that show one recording: copies and images of the same scan."""
    return (pair for pair in pairs if pair.relation is not Relation.SAME_SCENE)


def _classes(members: Sequence[str], cases: Mapping[str, Case]) -> str:
    """Return which member is what: all of a small group, of a large one the first of each class and how many."""
    if len(members) <= NAMED:
        return ", ".join(f"{member} is {cases[member].label}" for member in members)
    by_label: dict[Label, list[str]] = {}
    for member in members:
        by_label.setdefault(cases[member].label, []).append(member)
    return ", ".join(f"{len(those)} are {label} ({those[0]} among them)" for label, those in by_label.items())


def _both_outlined(a: Case, b: Case) -> bool:
    normals = [case.label is Label.NORMAL for case in (a, b)]
    return all(normals) or (not any(normals) and bool(a.masks) and bool(b.masks))
