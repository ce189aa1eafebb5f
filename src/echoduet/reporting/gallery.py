"""Which cases a report shows as pictures, and the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.cases import CaseScore
from echoduet.records import GrayImage, Label, Mask

PER_SECTION = 8
"""Pictures shown of each kind; the complete list of cases is in `cases.csv`."""


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """One case with everything needed to show it.

    Attributes:
        case_id: the case.
        image: at its own size, `(H, W)`.
        reference: the true mask, `(H, W)`; None when the lesion was never outlined.
        predicted: the refined answer's mask, `(H, W)`; None without a mask head.
        label: the true class.
        predicted_label: the refined answer's class; None without a class head.
        probabilities: class probabilities in the order of `CLASSES`, `(3,)`; None without a class head.
        dice: the refined answer's Dice; None where it does not apply.
    """

    case_id: str
    image: GrayImage
    reference: Mask | None
    predicted: Mask | None
    label: Label
    predicted_label: Label | None = None
    probabilities: NDArray[np.float64] | None = None
    dice: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One row of pictures: what they have in common, how many there are, and the first of them.

    Attributes:
        key: a short name.
        title: the heading.
        note: how they were chosen and sorted.
        scores: the cases to show, the worst or first one first.
        total: how many cases there are of this kind.
    """

    key: str
    title: str
    note: str
    scores: tuple[CaseScore, ...]
    total: int


def gallery_cases(refined: Sequence[CaseScore], per_section: int = PER_SECTION) -> tuple[str, ...]:
    """Return the ids of the cases that the report shows, each once: those for which it needs a `GalleryItem`."""
    sections = [*failures(refined, per_section), *examples(refined, per_section)]
    return tuple(dict.fromkeys(score.case_id for section in sections for score in section.scores))


def failures(refined: Sequence[CaseScore], per_section: int = PER_SECTION) -> tuple[Section, ...]:
    """Return what went wrong, the gravest first: missed lesions, false alarms on normals, wrong classes."""
    missed = [score for score in refined if score.has_lesion and score.dice == 0]
    alarms = [score for score in refined if not score.has_lesion and score.predicted_area]
    wrong = [score for score in refined if score.predicted not in (None, score.label)]
    return (
        _section(
            "missed", "Missed lesions", "No pixel of the lesion was found. Malignant first, then the largest.",
            sorted(missed, key=lambda s: (s.label is not Label.MALIGNANT, -(s.reference_area or 0))), per_section,
        ),
        _section(
            "alarms", "False alarms on normal images", "A lesion outlined where there is none. Largest area first.",
            sorted(alarms, key=_false_share, reverse=True), per_section,
        ),
        _section(
            "wrong", "Wrong classes", "Malignant taken for another class first, then the surest wrong answers.",
            sorted(wrong, key=lambda s: (s.label is not Label.MALIGNANT, -_confidence(s))), per_section,
        ),
    )  # fmt: skip


def examples(refined: Sequence[CaseScore], per_section: int = PER_SECTION) -> tuple[Section, ...]:
    """Return the worst, the median and the best outlined lesions; a miss is a failure and not repeated here."""
    ranked = sorted((s for s in refined if s.has_lesion and s.dice), key=lambda s: (s.dice or 0.0, s.case_id))
    if not ranked:
        return ()
    start, total = max(0, (len(ranked) - per_section) // 2), len(ranked)
    worst, median, best = ranked[:per_section], ranked[start : start + per_section], ranked[::-1][:per_section]
    return (
        Section("worst", "Worst outlines", "Lowest Dice among the lesions that were found.", tuple(worst), total),
        Section("median", "Median outlines", "Around the median Dice: the usual answer.", tuple(median), total),
        Section("best", "Best outlines", "Highest Dice.", tuple(best), total),
    )


def _section(key: str, title: str, note: str, scores: Sequence[CaseScore], limit: int) -> Section:
    return Section(key, title, note, tuple(scores[:limit]), len(scores))


def _false_share(score: CaseScore) -> float:
    return (score.predicted_area or 0) / max(score.height * score.width, 1)


def _confidence(score: CaseScore) -> float:
    probabilities = score.probabilities
    if probabilities is None or score.predicted is None:
        return 0.0
    return probabilities[score.predicted.position]
