"""Out-of-fold answers, and what is chosen on them: thresholds, the rule of refining, calibration, working points.

Every case is answered by networks that never saw it. What decides about the answers of a fold is chosen on the answers
of the other folds; what a shipped bundle decides with is chosen on all of them. So each published score is of choices
that did not see its case, and the shipped choices rest on all there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.data.manifest import Manifest
from echoduet.evaluation.calibration import reliability
from echoduet.evaluation.cases import CaseScore
from echoduet.evaluation.discrimination import decide, threshold_at_sensitivity, threshold_at_specificity
from echoduet.evaluation.temperature import fit_temperature, tempered
from echoduet.experiments.collect import metrics_json
from echoduet.experiments.evaluate import NATIVE, Scores, score_answers
from echoduet.experiments.release.calibration import malignant_calibration
from echoduet.experiments.thresholds import Choice, Outcomes, choose, gather
from echoduet.inference.answers import Answer
from echoduet.inference.predictor import Predictor
from echoduet.records import CLASSES, Label
from echoduet.statistics.intervals import group_bootstrap

TARGET = 0.90
"""Sensitivity, or specificity, that the working points for malignant are chosen for."""

POINTS = {
    "malignant_at_sensitivity_90": threshold_at_sensitivity,
    "malignant_at_specificity_90": threshold_at_specificity,
}
"""The working points, by their names among a bundle's thresholds: from which probability on a case is malignant."""

CONVENTIONS = {
    "raw": "As the networks answer: the most probable class, the mask at the configuration's threshold, nothing tuned.",
    "refined": "As the bundle answers: probabilities at a temperature, the mask at a chosen threshold, prediction "
    "refining by a chosen rule. For each fold all of them were chosen on the other folds' answers.",
}

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FoldAnswers:
    """What the networks of one fold answered about its test part; the predictor decides by nothing tuned."""

    fold: int
    predictor: Predictor
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that was chosen on some answers.

    Attributes:
        choice: mask threshold and rule of refining.
        temperature: of the class probabilities; chosen first, since the rule reads them.
        points: working points for malignant, at that temperature; those that the cases allow.
    """

    choice: Choice
    temperature: float
    points: Mapping[str, float]

    def thresholds(self) -> dict[str, float]:
        """Return all of it as a bundle keeps it."""
        return {**self.choice.thresholds(), "temperature": self.temperature, **self.points}


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Every case's score by networks and choices that did not see it, and the choices.

    Attributes:
        scores: at each image's own size, in the order of the manifest; `CONVENTIONS` says what raw and refined mean.
        per_fold: what decided about each fold.
        final: what is to ship.
    """

    scores: Scores
    per_fold: Mapping[int, Decision]
    final: Decision


def score_out_of_fold(folds: Sequence[FoldAnswers], manifest: Manifest) -> OutOfFold:
    """Choose for every fold on the others, score it, and choose for shipping on all.

    Args:
        folds: the answers to each fold's test part; every network draws masks and names classes.
        manifest: the cases.
    """
    answers = [answer for part in folds for answer in part.answers]
    outcomes = gather(folds[0].predictor, manifest, answers)
    if outcomes is None:
        raise ValueError("networks without masks have no out-of-fold choices")
    fold_of = np.array([part.fold for part in folds for _ in part.answers])
    per_fold = {part.fold: decision(outcomes.select(fold_of != part.fold), part.predictor) for part in folds}
    parts = [_score(part, per_fold[part.fold], manifest) for part in folds]
    final = decision(outcomes, folds[0].predictor)
    return OutOfFold(_in_order(parts, manifest), per_fold, final)


def decision(outcomes: Outcomes, predictor: Predictor) -> Decision:
    """Choose temperature, then mask threshold and rule, then working points, on these cases."""
    settings = predictor.info.config.inference
    if outcomes.classes is None:
        raise ValueError("networks without classes have no out-of-fold choices")
    temperature = fit_temperature(outcomes.truth, outcomes.classes)
    classes = tempered(outcomes.classes, temperature)
    choice = choose(outcomes.with_classes(classes), settings.refining, settings.mask_threshold)
    malignant = Label.MALIGNANT.position
    chosen = {name: find(outcomes.truth == malignant, classes[:, malignant], TARGET) for name, find in POINTS.items()}
    return Decision(choice, temperature, {name: value for name, value in chosen.items() if value is not None})


def _score(part: FoldAnswers, chosen: Decision, manifest: Manifest) -> Scores:
    folds = {answer.case_id: part.fold for answer in part.answers}
    (raw,) = score_answers(part.predictor, manifest, part.answers, folds)
    deciding = part.predictor.with_thresholds(chosen.thresholds())
    (refined,) = score_answers(deciding, manifest, part.answers, folds)
    return Scores(NATIVE, raw.raw, refined.refined)


def _in_order(parts: Sequence[Scores], manifest: Manifest) -> Scores:
    raw = {score.case_id: score for part in parts for score in part.raw}
    refined = {score.case_id: score for part in parts for score in part.refined}
    case_ids = [case.case_id for case in manifest if case.case_id in raw]
    return Scores(NATIVE, tuple(raw[i] for i in case_ids), tuple(refined[i] for i in case_ids))


def release_metrics(
    raw: Sequence[CaseScore], refined: Sequence[CaseScore], meta: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the content of a release's `metrics.json`: everything a model card says recomputes from its rows.

    Beside what `metrics_json` holds: `working_points`, `reliability` and `malignant_calibration`.
    """
    metrics = metrics_json(raw, refined, meta)
    metrics["conventions"] |= CONVENTIONS
    metrics["working_points"] = working_points(refined)
    metrics["reliability"] = {"raw": reliability_rows(raw), "refined": reliability_rows(refined)}
    metrics["malignant_calibration"] = {"raw": malignant_calibration(raw), "refined": malignant_calibration(refined)}
    return metrics


def working_points(scores: Sequence[CaseScore]) -> dict[str, Any]:
    """Return sensitivity and specificity for malignant at each working point, every threshold chosen on other folds."""
    malignant, p, groups, folds = _malignant(scores)
    found: dict[str, Any] = {}
    for name, find in POINTS.items():
        called = decide(malignant, p, folds, partial(find, target=TARGET))
        found[name] = {
            "thresholds": list(called.thresholds),
            "chosen": called.chosen,
            "sensitivity": _rate(called.positive, malignant, groups),
            "specificity": _rate(1 - called.positive, ~malignant, groups),
        }
    return found


def _malignant(
    scores: Sequence[CaseScore],
) -> tuple[NDArray[np.bool_], FloatArray, list[str | None], list[int | None]]:
    kept = [score for score in scores if score.p_malignant is not None]
    return (
        np.array([score.label is Label.MALIGNANT for score in kept], dtype=bool),
        np.array([score.p_malignant for score in kept], dtype=np.float64),
        [score.group for score in kept],
        [score.fold for score in kept],
    )


def _rate(right: FloatArray, member: NDArray[np.bool_], groups: Sequence[str | None]) -> dict[str, Any]:
    member = member & ~np.isnan(right)
    if not member.any():
        return {"mean": None, "n": 0}
    values = right[member]
    interval = group_bootstrap(values, [group for group, kept in zip(groups, member, strict=True) if kept])
    entry = {"mean": float(values.mean()), "n": int(member.sum())}
    return entry if interval is None else entry | {"ci95": list(interval)}


def reliability_rows(scores: Sequence[CaseScore]) -> list[dict[str, Any]]:
    """Return, per bin of confidence that has cases, how many these are, how sure the answers and how often right."""
    rows = [(score.probabilities, score.label) for score in scores if score.probabilities is not None]
    confidence = np.array([max(shares) for shares, _ in rows])
    right = np.array([CLASSES[int(np.argmax(shares))] is label for shares, label in rows], dtype=bool)
    table = reliability(confidence, right)
    edges = np.linspace(0, 1, len(table.count) + 1)
    return [
        {
            "from": round(float(edges[i]), 6),
            "to": round(float(edges[i + 1]), 6),
            "n": int(table.count[i]),
            "confidence": float(table.confidence[i]),
            "accuracy": float(table.accuracy[i]),
        }
        for i in np.flatnonzero(table.count)
    ]
