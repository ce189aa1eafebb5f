"""From which distance on a bundle refuses: every case scored by a reference of other folds, the shipped one of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.data.images import read_colour_and_gray
from echoduet.data.manifest import in_threads
from echoduet.inference.appearance import NAMES
from echoduet.inference.refusal import PLAIN_THRESHOLDS, Judge, Signs, threshold_name
from echoduet.models.info import BundleInfo
from echoduet.models.reference import Reference
from echoduet.progress import Progress, silent
from echoduet.records import Case, Check, Ground, Scan
from echoduet.splits.table import Part, SplitTable

FloatArray = NDArray[np.float64]

USUAL = 0.998
"""Share of the cases whose out-of-fold scores count as usual, on each of the grounds with a reference."""

MARGIN = 1.15
"""How far beyond the usual a score may be: settings and scanners that the cases do not show need room."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a bundle refuses by, and what became of each case by a reference and thresholds that did not see it.

    Attributes:
        reference: what ships, made of all cases.
        thresholds: what ships, by their names in a bundle.
        references: of each fold, made of the others.
        fold_thresholds: of each fold, chosen on the others.
        checks: of each case, out of fold.
    """

    reference: Reference
    thresholds: Mapping[str, float]
    references: Mapping[int, Reference]
    fold_thresholds: Mapping[int, Mapping[Ground, float]]
    checks: Mapping[str, tuple[Check, ...]]

    def into(self, info: BundleInfo) -> BundleInfo:
        """Return what a bundle says, with these refusals in it."""
        return replace(
            info,
            appearance=self.reference,
            thresholds={**info.thresholds, **self.thresholds},
            provenance={**info.provenance, "refusals": self.summary()},
        )

    def summary(self) -> dict[str, Any]:
        """Return how many cases were tested, and how many refused out of fold, on each ground and at all."""
        refused = {
            str(ground): sum(any(c.ground is ground and c.refuses for c in checks) for checks in self.checks.values())
            for ground in Ground
        }
        at_all = sum(any(check.refuses for check in checks) for checks in self.checks.values())
        return {"cases": len(self.checks), "usual": USUAL, "margin": MARGIN, "refused": refused, "at_all": at_all}


def fit_refusals(signs: Mapping[str, Signs], splits: SplitTable) -> Refusals:
    """Make references and thresholds, for shipping and out of fold.

    Args:
        signs: what is seen in each case that the folds test.
        splits: the folds; a case is scored by a reference of those that are not in its test part.
    """
    fold_of = {row.case_id: row.fold for row in splits.rows if row.part is Part.TEST and row.case_id in signs}
    case_ids, folds = list(fold_of), np.array(list(fold_of.values()))
    features = np.array([signs[case_id].features for case_id in case_ids])
    references = {fold: Reference.fit(NAMES, features[folds != fold]) for fold in splits.folds}
    judges = {fold: Judge(reference) for fold, reference in references.items()}
    scores = {case_id: judges[fold].scores(signs[case_id]) for case_id, fold in fold_of.items()}
    per_fold = {fold: chosen_thresholds([scores[i] for i in case_ids if fold_of[i] != fold]) for fold in splits.folds}
    final = chosen_thresholds(list(scores.values()))
    return Refusals(
        reference=Reference.fit(NAMES, features),
        thresholds={threshold_name(ground): value for ground, value in final.items()},
        references=references,
        fold_thresholds=per_fold,
        checks={i: checks_of(scores[i], per_fold[fold]) for i, fold in fold_of.items()},
    )


def chosen_thresholds(scores: Sequence[Mapping[Ground, float]]) -> dict[Ground, float]:
    """Return each ground's threshold: fixed, or `MARGIN` times what `USUAL` of the scores stay below."""
    chosen = dict(PLAIN_THRESHOLDS)
    for ground in (Ground.NOT_ULTRASOUND, Ground.OUT_OF_DISTRIBUTION):
        usual = float(np.quantile([each[ground] for each in scores], USUAL))
        chosen[ground] = round(MARGIN * usual, 4)
    return {ground: chosen[ground] for ground in Ground}


def checks_of(scores: Mapping[Ground, float], thresholds: Mapping[Ground, float]) -> tuple[Check, ...]:
    """Return the checks that these scores are at these thresholds."""
    return tuple(Check(ground, scores[ground], threshold) for ground, threshold in thresholds.items())


def see(cases: Sequence[Case], progress: Progress = silent) -> dict[str, Signs]:
    """Look at the image of each case.

    Raises:
        ImageError: one cannot be read.
    """
    return dict(zip((case.case_id for case in cases), in_threads(_seen, cases, progress, "looking"), strict=True))


def _seen(case: Case) -> Signs:
    colour, gray = read_colour_and_gray(case.image)
    return Signs.of(Scan(case.case_id, gray, colour))
