"""Totals over many cases, each as a function of case weights.

With every weight 1 a total is the plain figure; with the weights of one fold it is that fold's; with those of a
bootstrap resample it is a replicate. So one definition serves the mean, the folds and the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation import calibration, classification, discrimination
from echoduet.evaluation.cases import CaseScore
from echoduet.records import CLASSES, Label

FloatArray = NDArray[np.float64]

SPECIFICITY = 0.90
SENSITIVITY = 0.95
"""Working points at which the other side of the malignant-versus-rest trade is reported."""


@dataclass(frozen=True, slots=True)
class Total:
    """One figure over many cases.

    Attributes:
        value: maps case weights `(..., N)` over all cases to the figure, `(...)`; NaN where it is undefined.
        n: how many units it rests on.
        unit: what these are.
        facts: what else belongs beside the figure.
    """

    value: Callable[[FloatArray], FloatArray]
    n: int
    unit: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def average(totals: Sequence[Total]) -> Total:
    """Return the mean of one figure over several answers to the same cases, as of networks from several seeds.

    An answer that leaves the figure undefined under some weights is left out of the mean there.
    """
    first = totals[0]
    return Total(
        lambda weights: classification.defined_mean(np.stack([total.value(weights) for total in totals], axis=-1)),
        first.n,
        first.unit,
    )


def difference(one: Total, other: Total) -> Total:
    """Return `one` minus `other`, two totals over the same cases; NaN where either is."""
    return Total(lambda weights: one.value(weights) - other.value(weights), one.n, one.unit)


def all_totals(scores: Sequence[CaseScore]) -> dict[str, Total]:
    """Return the totals of the mask and those of the class, under their keys."""
    return segmentation_totals(scores) | classification_totals(scores)


def segmentation_totals(scores: Sequence[CaseScore]) -> dict[str, Total]:
    """Return the totals of the mask; none when no case has a predicted mask and a reference."""
    scored = [score for score in scores if score.dice is not None]
    if not scored:
        return {}
    lesions = np.array([score.dice is not None and score.has_lesion for score in scores])
    normals = np.array([score.dice is not None and not score.has_lesion for score in scores])
    totals = {"dsc_all": _mean(scores, "dice", lesions | normals, "images")}
    totals |= {f"{key}_lesion": _mean(scores, name, lesions, "lesion images") for key, name in _LESION_SCORES.items()}
    for label in CLASSES:
        member = (lesions | normals) & np.array([score.label is label for score in scores])
        totals[f"dsc_{label}"] = _mean(scores, "dice", member, f"{label} images")
    totals["lesion_missed_share"] = _share(_column(scores, "dice") == 0, lesions, "lesion images")
    totals["normal_empty_share"] = _share(_column(scores, "predicted_area") == 0, normals, "normal images")
    totals["normal_false_area"] = _mean_of(_predicted_share(scores), normals, "normal images")
    return totals | _detection_totals(scores, lesions | normals)


_LESION_SCORES = {"dsc": "dice", "iou": "iou", "nsd": "nsd", "hd95": "hd95", "assd": "assd"}


def _column(scores: Sequence[CaseScore], name: str) -> FloatArray:
    return np.array([getattr(score, name) for score in scores], dtype=np.float64)  # None becomes NaN


def _predicted_share(scores: Sequence[CaseScore]) -> FloatArray:
    pixels = np.array([max(score.height * score.width, 1) for score in scores])
    return np.asarray(_column(scores, "predicted_area") / pixels)


def _mean(scores: Sequence[CaseScore], name: str, member: NDArray[np.bool_], unit: str) -> Total:
    return _mean_of(_column(scores, name), member, unit)


def _share(holds: NDArray[np.bool_], member: NDArray[np.bool_], unit: str) -> Total:
    return _mean_of(holds.astype(np.float64), member, unit)


def _mean_of(values: FloatArray, member: NDArray[np.bool_], unit: str) -> Total:
    return _ratio(np.where(member, values, 0.0), member.astype(np.float64), int(member.sum()), unit)


def _ratio(numerator: FloatArray, denominator: FloatArray, n: int, unit: str) -> Total:
    return Total(lambda weights: classification.divide(weights @ numerator, weights @ denominator), n, unit)


def _detection_totals(scores: Sequence[CaseScore], member: NDArray[np.bool_]) -> dict[str, Total]:
    lesions, found, false = (
        np.where(member, _column(scores, name), 0.0) for name in ("lesions", "lesions_found", "false_lesions")
    )
    answers = found + false
    return {
        "lesion_detection": _ratio(found, lesions, int(lesions.sum()), "lesions"),
        "lesion_precision": _ratio(found, answers, int(answers.sum()), "predicted lesions"),
        "lesion_false_per_image": _ratio(false, member.astype(np.float64), int(member.sum()), "images"),
    }


def classification_totals(scores: Sequence[CaseScore]) -> dict[str, Total]:
    """Return the totals of the class; none when no case has an answered class."""
    answered = np.array([score.predicted is not None for score in scores], dtype=bool)
    if not answered.any():
        return {}
    totals = _answer_totals([score for score in scores if score.predicted is not None], answered)
    scored = np.array([score.probabilities is not None for score in scores], dtype=bool)
    if scored.any():
        totals |= _probability_totals([score for score in scores if score.probabilities is not None], scored)
    return totals


def _among(
    member: NDArray[np.bool_], function: Callable[[FloatArray], FloatArray]
) -> Callable[[FloatArray], FloatArray]:
    return lambda weights: function(weights[..., member])


def _answer_totals(scores: Sequence[CaseScore], member: NDArray[np.bool_]) -> dict[str, Total]:
    truth = np.array([score.label.position for score in scores])
    answer = np.array([score.predicted.position for score in scores if score.predicted is not None])

    def of_confusion(function: Callable[[FloatArray], FloatArray]) -> Total:
        def value(weights: FloatArray) -> FloatArray:
            return function(classification.confusion_matrix(truth, answer, len(CLASSES), weights))

        return Total(_among(member, value), len(scores), "images")

    totals = {name: of_confusion(function) for name, function in _CONFUSION_SCORES.items()}
    for label in CLASSES:
        totals[f"f1_{label}"] = of_confusion(_of_class(classification.f1, label))
        totals[f"recall_{label}"] = of_confusion(_of_class(classification.recall, label))
    return totals


_CONFUSION_SCORES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "accuracy": classification.accuracy,
    "f1_weighted": classification.f1_weighted,
    "f1_macro": classification.f1_macro,
    "balanced_accuracy": classification.balanced_accuracy,
    "mcc": classification.mcc,
}


def _of_class(function: Callable[[FloatArray], FloatArray], label: Label) -> Callable[[FloatArray], FloatArray]:
    return lambda confusion: function(confusion)[..., label.position]


def _probability_totals(scores: Sequence[CaseScore], member: NDArray[np.bool_]) -> dict[str, Total]:
    truth = np.array([score.label.position for score in scores])
    probabilities = np.array([score.probabilities for score in scores], dtype=np.float64)
    malignant, p_malignant = truth == Label.MALIGNANT.position, probabilities[:, Label.MALIGNANT.position]
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    brier = calibration.brier_per_case(truth, probabilities)
    functions: dict[str, Callable[[FloatArray], FloatArray]] = {
        "auc_macro": lambda w: discrimination.auroc_macro(truth, probabilities, w),
        "auroc_malignant": lambda w: discrimination.auroc(malignant, p_malignant, w),
        "auprc_malignant": lambda w: discrimination.average_precision(malignant, p_malignant, w),
        "brier": lambda w: classification.divide(w @ brier, w.sum(axis=-1)),
        "ece": lambda w: calibration.expected_calibration_error(calibration.reliability(confidence, right, w)),
    }
    totals = {name: Total(_among(member, function), len(scores), "images") for name, function in functions.items()}
    return totals | _working_points(scores, malignant, p_malignant, member)


def _working_points(
    scores: Sequence[CaseScore], malignant: NDArray[np.bool_], p_malignant: FloatArray, member: NDArray[np.bool_]
) -> dict[str, Total]:
    folds = [score.fold for score in scores]
    at_specificity = discrimination.decide(
        malignant, p_malignant, folds, lambda m, p: discrimination.threshold_at_specificity(m, p, SPECIFICITY)
    )
    at_sensitivity = discrimination.decide(
        malignant, p_malignant, folds, lambda m, p: discrimination.threshold_at_sensitivity(m, p, SENSITIVITY)
    )
    spared = 1 - at_sensitivity.positive  # NaN where no threshold could be chosen
    return {
        f"sensitivity_at_specificity_{SPECIFICITY:.0%}".rstrip("%"): _decided(
            at_specificity, at_specificity.positive, malignant, member, "malignant images"
        ),
        f"specificity_at_sensitivity_{SENSITIVITY:.0%}".rstrip("%"): _decided(
            at_sensitivity, spared, ~malignant, member, "other images"
        ),
    }


def _decided(
    decision: discrimination.Decision,
    right: FloatArray,
    among: NDArray[np.bool_],
    member: NDArray[np.bool_],
    unit: str,
) -> Total:
    total = _mean_of(right, among & ~np.isnan(right), unit)
    other = 1 - right[~among & ~np.isnan(right)]
    facts = {
        "thresholds": decision.thresholds,
        "chosen": decision.chosen,
        "reached": float(other.mean()) if other.size else None,
    }
    return Total(_among(member, total.value), total.n, unit, facts)
