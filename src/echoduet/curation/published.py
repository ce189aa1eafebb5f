"""A published list of the images that others kept: following it, arguing with it, being scored against it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from echoduet.curation.conflicts import NAMED, Finding, FindingKind
from echoduet.curation.groups import Group, Groups, membership
from echoduet.data.layout import label_of
from echoduet.data.tables import read_csv
from echoduet.errors import ManifestError
from echoduet.records import Case, Label

Key = tuple[Label, int]
"""How a list names an image: its class and number."""


@dataclass(frozen=True, slots=True)
class PublishedList:
    """The images that somebody kept of a data set, by class and number, and the file that says so."""

    path: Path
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How our duplicates compare with those of a list: an image is one when the list does not keep it."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        """Share of the images in our duplicate groups that the list dropped; 1 when we found none."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of the images that the list dropped that are in our duplicate groups; 1 when it dropped none."""
        dropped = self.true_positives + self.false_negatives
        return self.true_positives / dropped if dropped else 1.0


def read_published_list(path: Path) -> PublishedList:
    """Read a list with the columns `class` and `id` (the image's number), as that of Curated BUSI.

    Raises:
        ManifestError: the file cannot be read, lacks a column or a row, or a cell is wrong.
    """
    rows = read_csv(path, ("class", "id"))
    keys = []
    for row in rows:
        row.needed("id")
        keys.append((label_of(row.needed("class"), row.where), row.whole_number("id")))
    if not keys:
        raise ManifestError(f"{path}: lists no image. Give the list with its rows (class;id).")
    return PublishedList(path, tuple(dict.fromkeys(keys)))


def listed_cases(published: PublishedList, cases: Sequence[Case]) -> tuple[set[str], list[Finding]]:
    """Return the ids of the cases on the list, and a finding for every listed image that is not among the cases.

    The number of a case is the last one in its id: 20 of "benign (20)" and of "benign_id_20".

    Raises:
        ManifestError: no case is on the list, or two cases answer to one class and number.
    """
    named: dict[Key, str] = {}
    for case in cases:
        key = _key(case)
        if key and named.setdefault(key, case.case_id) != case.case_id:
            raise ManifestError(
                f"{published.path}: {key[0]} {key[1]} could be {named[key]} or {case.case_id}. "
                "A list by class and number fits one data set at a time."
            )
    listed = {named[key] for key in published.keys if key in named}
    if not listed:
        raise ManifestError(f"{published.path}: names none of the {len(cases)} cases. Give the list of this data set.")
    missing = [key for key in published.keys if key not in named]
    return listed, [_missing(published, key) for key in missing]


def disagreements(listed: Collection[str], cases: Sequence[Case], groups: Groups) -> list[Finding]:
    """Return where the list keeps images of a scan that has several, and where it drops the only image of one."""
    group_of = membership(groups.scenes)
    findings = []
    for group in groups.scans:
        kept = tuple(member for member in group.members if member in listed)
        if kept:
            message = f"The list keeps {_named(kept)} of the copies {_named(group.members)}."
            findings.append(Finding(FindingKind.LISTED_COPIES, kept, message, group_of[kept[0]]))
    scans = membership(groups.scans)
    for case in cases:
        if case.case_id not in scans and case.case_id not in listed:
            scene = group_of.get(case.case_id, "")
            found = "only other frames of its scene were found" if scene else "no copy was found"
            message = f"The list drops {case.case_id}, of which {found}."
            findings.append(Finding(FindingKind.UNLISTED_ORIGINAL, (case.case_id,), message, scene))
    return findings


def _named(members: Sequence[str]) -> str:
    rest = len(members) - NAMED
    return ", ".join(members[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def score(listed: Collection[str], cases: Sequence[Case], groups: Iterable[Group]) -> Score:
    """Count, image by image, where our duplicate groups and the list agree."""
    grouped = membership(groups)
    counts = {(found, dropped): 0 for found in (True, False) for dropped in (True, False)}
    for case in cases:
        counts[case.case_id in grouped, case.case_id not in listed] += 1
    return Score(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def _key(case: Case) -> Key | None:
    numbers = re.findall(r"[0-9]+", case.case_id)
    return (case.label, int(numbers[-1])) if numbers else None


def _missing(published: PublishedList, key: Key) -> Finding:
    message = f"{published.path.name} keeps {key[0]} {key[1]}, which is not among the cases."
    return Finding(FindingKind.LISTED_MISSING, (), message)
