"""What contradicts itself inside a group of copies: the class, or the outline of the lesion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image

from echoduet.curation.duplicates import Pair, Relation
from echoduet.curation.groups import Group, membership
from echoduet.data.masks import read_mask
from echoduet.progress import Progress, silent
from echoduet.records import Case, Mask

COMMON_SIDE = 128
"""Side of the square on which the masks of two copies are compared, in pixels."""


class FindingKind(StrEnum):
    """What a finding is about, the gravest first."""

    UNUSABLE = "unusable"
    DATA_SET = "data-set"
    LABEL_CONFLICT = "label-conflict"
    MASK_CONFLICT = "mask-conflict"
    LESION_WITHOUT_MASK = "lesion-without-mask"
    NORMAL_WITH_MASK = "normal-with-mask"
    LISTED_COPIES = "listed-copies"
    UNLISTED_ORIGINAL = "unlisted-original"
    LISTED_MISSING = "listed-missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at.

    Attributes:
        kind: what it is about.
        cases: the cases concerned.
        message: a sentence that names them.
        group: the duplicate group, where there is one.
        value: the figure on which it rests, where there is one.
    """

    kind: FindingKind
    cases: tuple[str, ...]
    message: str
    group: str = ""
    value: float | None = None


def label_conflicts(groups: Iterable[Group], cases: Mapping[str, Case]) -> list[Finding]:
    """Return a finding for every group of copies with more than one class."""
    findings = []
    for group in groups:
        if len({cases[member].label for member in group.members}) > 1:
            classes = ", ".join(f"{member} is {cases[member].label}" for member in group.members)
            message = f"Copies of one scan stand in different classes: {classes}."
            findings.append(Finding(FindingKind.LABEL_CONFLICT, group.members, message, group.name))
    return findings


def mask_agreements(pairs: Sequence[Pair], cases: Mapping[str, Case], progress: Progress = silent) -> dict[Pair, float]:
    """Return the Dice of the two masks of every pair, on a common square; a mirrored copy's mask is flipped back.

    Raises:
        ImageError: a mask cannot be read.
    """
    needed = dict.fromkeys(case_id for pair in pairs for case_id in (pair.case_a, pair.case_b))
    masks = {case_id: _on_common_square(cases[case_id]) for case_id in progress(needed, label="comparing masks")}
    return {pair: _agreement(masks[pair.case_a], masks[pair.case_b], pair.relation) for pair in pairs}


def mask_conflicts(agreements: Mapping[Pair, float], groups: Iterable[Group], least: float) -> list[Finding]:
    """Return a finding for every pair of copies whose masks agree with a Dice below `least`."""
    group_of = membership(groups)
    return [
        Finding(
            FindingKind.MASK_CONFLICT,
            (pair.case_a, pair.case_b),
            f"The masks of {pair.case_a} and {pair.case_b}, copies of one scan, agree with a Dice of {dice:.2f}.",
            group_of[pair.case_a],
            dice,
        )
        for pair, dice in agreements.items()
        if dice < least
    ]


def _on_common_square(case: Case) -> Mask:
    if not case.masks:
        return np.zeros((COMMON_SIDE, COMMON_SIDE), dtype=np.bool_)
    mask = Image.fromarray(read_mask(case.masks, None).astype(np.uint8) * 255)
    return np.asarray(mask.resize((COMMON_SIDE, COMMON_SIDE), Image.Resampling.BOX)) > 127


def _agreement(a: Mask, b: Mask, relation: Relation) -> float:
    """Return the Dice of two masks; two empty ones agree."""
    if relation is Relation.MIRRORED:
        b = b[:, ::-1]
    total = int(a.sum() + b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0
