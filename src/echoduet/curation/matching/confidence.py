"""Which relation two aligned images have, and how sure that is. How both were fixed: docs/curation.md."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p

from echoduet.curation.matching.alignment import Alignment
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.matching.similarity import Likeness
from echoduet.curation.relations import Relation


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression on what an alignment shows."""

    intercept: float
    inliers: float
    fine: float
    coarse: float
    overlap: float


FITTED = Weights(intercept=-18.71, inliers=5.89, fine=2.07, coarse=3.42, overlap=1.92)
"""By `python benchmarks/curation_calibration.py`, before the index was shortened; it prints today's beside these."""


def confidence(alignment: Alignment, seen: Likeness, weights: Weights = FITTED) -> float:
    """Return the probability that two images are related, 0-1.

    Args:
        alignment: of the features in their places the logarithm counts, since each further one says less.
        seen: what the aligned pictures have in common.
        weights: those of the regression.
    """
    score = weights.intercept + weights.inliers * log1p(alignment.inliers)
    score += weights.fine * seen.fine + weights.coarse * seen.coarse + weights.overlap * seen.overlap
    return 1.0 / (1.0 + exp(-score))


def relation_of(alignment: Alignment, seen: Likeness, sure: float, settings: MatchSettings) -> Relation | None:
    """Return the relation of two aligned images, or None where they have none.

    Speckle and the shape of the tissue are the fingerprint of a recording: the same in every copy. In the next frame
    the tissue has moved a little, by more in one place than in another, and the speckle with it.
    """
    if sure < settings.confidence or seen.overlap < settings.overlap:
        return None
    same = seen.fine >= settings.same_scan and alignment.strain <= settings.strain
    return Relation.SAME_SCAN if same else Relation.SAME_SCENE
