"""Two networks' scores as one system's, and prediction refining, from the rows of cases alone.

A combined or refined answer need not be scored again: of its mask the row tells all that the rule asks, and what the
rule makes of a mask is the empty one, whose scores follow from the reference's area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from echoduet.errors import ManifestError
from echoduet.evaluation.cases import CaseScore
from echoduet.records import Label

_CLASS_COLUMNS = ("predicted", "p_benign", "p_malignant", "p_normal")


def combine(masks: CaseScore, classes: CaseScore) -> CaseScore:
    """Return the score of a system that takes its mask from one network and its class from another.

    Args:
        masks: the score of the one that outlines.
        classes: the score of the one that classifies, of the same case.

    Raises:
        ManifestError: the two are not of one case, or of different folds.
    """
    ours, theirs = (masks.case_id, masks.label, masks.fold), (classes.case_id, classes.label, classes.fold)
    if ours != theirs:
        raise ManifestError(
            f'Case "{masks.case_id}" (fold {masks.fold}) meets "{classes.case_id}" (fold {classes.fold}): '
            "the two tables are not of the same cases. Score both networks on the same folds."
        )
    return replace(masks, **{name: getattr(classes, name) for name in _CLASS_COLUMNS})


def combine_all(masks: Sequence[CaseScore], classes: Sequence[CaseScore]) -> tuple[CaseScore, ...]:
    """Return `combine` of two tables of the same cases in the same order.

    Raises:
        ManifestError: the tables are not of the same cases.
    """
    if len(masks) != len(classes):
        raise ManifestError(f"Tables of {len(masks)} and {len(classes)} cases cannot be combined: they do not pair.")
    return tuple(combine(ours, theirs) for ours, theirs in zip(masks, classes, strict=True))


def refine_score(score: CaseScore) -> CaseScore:
    """Return the score that the answer has after `models.refinement.refine` by the paper's hard rule (PR).

    A class answered normal empties the mask; an empty mask makes the class normal. An answer without a mask or without
    a class stays.
    """
    if score.predicted_area is None or score.predicted is None:
        return score
    if score.predicted is Label.NORMAL:
        return _emptied(score) if score.predicted_area else score
    return score if score.predicted_area else replace(score, predicted=Label.NORMAL)


def _emptied(score: CaseScore) -> CaseScore:
    if score.dice is None:  # not outlined: nothing was scored
        return replace(score, predicted_area=0)
    overlap = float(score.reference_area == 0)
    counts: dict[str, Any] = {"predicted_area": 0, "lesions_found": 0, "false_lesions": 0}
    emptied = replace(score, dice=overlap, iou=overlap, **counts)
    if not score.has_lesion:
        return emptied
    missed = math.hypot(score.height, score.width)
    return replace(emptied, nsd=0.0, hd95=missed, assd=missed)
