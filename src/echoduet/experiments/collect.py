"""From the rows of `cases.csv` to the blocks of `metrics.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.calibration import BINS
from echoduet.evaluation.cases import TOLERANCE, CaseScore
from echoduet.evaluation.classification import confusion_matrix, defined_mean
from echoduet.evaluation.lesions import MATCH_IOU, SPECK_SHARE
from echoduet.evaluation.totals import Total, classification_totals, segmentation_totals
from echoduet.records import CLASSES
from echoduet.statistics.intervals import group_numbers, group_weights, percentile_interval

FloatArray = NDArray[np.float64]


def metrics_json(
    raw: Sequence[CaseScore],
    refined: Sequence[CaseScore],
    meta: Mapping[str, Any] | None = None,
    *,
    n_boot: int = 1000,
    seed: int = 1993,
    tolerance: float = TOLERANCE,
) -> dict[str, Any]:
    """Return the content of `metrics.json`.

    Args:
        raw: the scores without prediction refining.
        refined: those with it, of the same cases.
        meta: provenance: model, data, command, versions ...; anything JSON can hold.
        n_boot: resamples behind each interval.
        seed: of the resampling; the same for both, so that they pair.
        tolerance: the one that the rows were scored with, for the conventions.
    """
    return {
        "raw": summarise(raw, n_boot, seed),
        "refined": summarise(refined, n_boot, seed),
        "n": len(raw),
        "counts": _counts(raw),
        "confusion": {
            "classes": [str(label) for label in CLASSES],
            "raw": _confusion(raw),
            "refined": _confusion(refined),
        },
        "conventions": conventions(n_boot, seed, tolerance),
        "provenance": dict(meta or {}),
    }


def summarise(scores: Sequence[CaseScore], n_boot: int = 1000, seed: int = 1993) -> dict[str, Any]:
    """Return the blocks `segmentation` and `classification`; a block that no case has answers for is left out.

    Each value holds `mean`, `n` and `unit`; `ci95` where there are groups to resample; `sd_folds`, `folds` and
    `pooled` where there are two folds or more. An undefined value has `mean` null and a `reason`.
    """
    if not scores:
        return {}
    plan = Plan(scores, n_boot, seed)
    blocks = {"segmentation": segmentation_totals(scores), "classification": classification_totals(scores)}
    return {
        block: {name: plan.value(total) for name, total in totals.items()} for block, totals in blocks.items() if totals
    }


class Plan:
    """Which weights a total is asked for: all cases, each fold, each resample.

    Systems that were scored on the same cases share one plan, so that their resamples, and with them the interval of a
    difference, pair.

    Args:
        scores: one row a case; only its fold and group are looked at.
        n_boot: resamples of whole groups.
        seed: of the resampling.
    """

    def __init__(self, scores: Sequence[CaseScore], n_boot: int = 1000, seed: int = 1993) -> None:
        names = sorted({score.fold for score in scores if score.fold is not None})
        by_fold = len(names) >= 2 and all(score.fold is not None for score in scores)
        folds = np.array([[float(score.fold == name) for score in scores] for name in names])
        groups = [score.group for score in scores]
        resampled = n_boot > 0 and np.unique(group_numbers(groups)).size >= 2
        self.all: FloatArray = np.ones(len(scores))
        self.folds: FloatArray | None = folds if by_fold else None
        drawn = [group_weights(groups, n_boot, seed)] if resampled else []
        # The figure is the mean over its parts: over the folds, or over one part that holds every case.
        self.parts: list[FloatArray] = [w * fold for w in drawn for fold in (folds if by_fold else [self.all])]

    def value(self, total: Total) -> dict[str, Any]:
        """Return the entry of one figure, as `summarise` describes it."""
        pooled = _number(total.value(self.all))
        entry: dict[str, Any] = {"mean": pooled, "n": total.n, "unit": total.unit, **total.facts}
        if self.folds is not None:
            entry |= _fold_entries(total.value(self.folds), pooled)
        if entry["mean"] is None:
            return entry | {"reason": f"undefined for these {total.n} {total.unit}"}
        if not self.parts:
            return entry
        replicates = defined_mean(np.stack([total.value(weights) for weights in self.parts], axis=-1))
        interval = percentile_interval(replicates)
        return entry | ({} if interval is None else {"ci95": list(interval)})


def _fold_entries(values: FloatArray, pooled: float | None) -> dict[str, Any]:
    defined = values[~np.isnan(values)]
    return {
        "mean": _number(defined_mean(values)),
        "sd_folds": float(defined.std(ddof=1)) if defined.size > 1 else None,
        "folds": [_number(value) for value in values],
        "pooled": pooled,
    }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _counts(scores: Sequence[CaseScore]) -> dict[str, Any]:
    labels, folds = Counter(score.label for score in scores), Counter(score.fold for score in scores)
    return {
        "classes": {str(label): labels[label] for label in CLASSES},
        "groups": int(np.unique(group_numbers([score.group for score in scores])).size),
        "folds": {str(fold): folds[fold] for fold in sorted(f for f in folds if f is not None)},
        "lesions": sum(score.lesions or 0 for score in scores),
        "lesion_images_without_outline": sum(score.has_lesion and score.dice is None for score in scores),
    }


def _confusion(scores: Sequence[CaseScore]) -> list[list[int]] | None:
    pairs = [(score.label.position, score.predicted.position) for score in scores if score.predicted is not None]
    if not pairs:
        return None
    truth, answer = np.array(pairs).T
    return [[int(cell) for cell in row] for row in confusion_matrix(truth, answer, len(CLASSES))]


def conventions(n_boot: int, seed: int, tolerance: float) -> dict[str, str]:
    """Return, in words, how each figure was made."""
    return {
        "mean": "With two folds or more: the mean over folds, as in the paper, with `pooled` over all cases beside it. "
        "Without folds: over all cases.",
        "sd_folds": "Sample standard deviation (n - 1) over the folds in which the figure is defined.",
        "ci95": f"Percentile interval of `mean` over {n_boot} bootstrap resamples (seed {seed}) of whole groups "
        "(copies of a scan, or a patient); a case without a group stands alone. Networks and thresholds stay fixed. "
        "Where every case has the same value the interval shrinks to a point; that is not certainty.",
        "unit": "Masks are scored per image and averaged over images, on all of an image's lesions together; "
        "`lesion_detection` and `lesion_precision` count lesions. `n` says how many.",
        "normal images": "Dice is 1 when the predicted mask is empty, else 0. It enters dsc_normal and dsc_all (the "
        "paper's mean over all images), and no other figure.",
        "missed lesion": "Dice, IoU and NSD 0; HD95 and ASSD the image's diagonal. It never leaves a mean.",
        "distances": "Between boundary pixels (4-neighbourhood), in pixels of the scored grid. HD95 is the larger of "
        f"the two directed 95th percentiles; NSD has a tolerance of {tolerance:g} px.",
        "lesions": f"8-connected components, matched one to one where their IoU is at least {MATCH_IOU:g}. "
        f"Components below {SPECK_SHARE:.2%} of the image are stray pixels and not counted, on either side.",
        "not outlined": "A benign or malignant image whose reference mask is empty or missing has no mask score.",
        "classes": "F1 of a class that is neither present nor answered is undefined and leaves the macro mean. "
        "Balanced accuracy averages the recall of the classes present.",
        "brier": "Squared error summed over the three classes, 0 to 2.",
        "ece": f"Confidence of the most probable class against its accuracy, {BINS} equally wide bins. It is never "
        "below zero, and a bootstrap resample, which repeats cases, has a larger one: its interval lies too high and "
        "need not hold the figure.",
        "thresholds": "Sensitivity at fixed specificity and the reverse: malignant against the rest; each fold's "
        "threshold is chosen on the other folds, or, without folds, on the same cases (`chosen` says which).",
        "refined": "Predicted class normal empties the mask, then an empty mask makes the class normal; a model with "
        "a softer rule does so from its own thresholds on. Probabilities stay as they are, so figures that rest on "
        "them do not change.",
        "undefined": "A figure that its cases leave undefined is null, with the reason; never NaN.",
    }
