"""Which relation two aligned images have, and how sure that is. How both were fixed: docs/curation.md."""

from __future__ import annotations

from math import exp, log1p

from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.matching.similarity import Likeness
from echoduet.curation.relations import Relation


def relation_of(inliers: int, seen: Likeness, settings: MatchSettings) -> Relation | None:
    """Return the relation of two aligned images, or None where they have none.

    Speckle is the fingerprint of a recording: it is the same in every copy, and another in the next frame, in which
    only the larger structures stay.
    """
    if inliers == 0:  # compared in place
        alike = min(seen.fine, seen.coarse) >= settings.in_place and seen.overlap >= settings.in_place_overlap
        return Relation.SAME_SCAN if alike else None
    if inliers < settings.inliers or seen.overlap < settings.overlap:
        return None
    if seen.fine >= settings.same_scan:
        return Relation.SAME_SCAN
    return Relation.SAME_SCENE if seen.fine >= settings.same_scene else None


INTERCEPT, INLIERS, FINE, OVERLAP = -12.0, 3.0, 6.0, 2.0


def confidence(inliers: int, seen: Likeness) -> float:
    """Return the probability that two images are related, by logistic regression."""
    score = INTERCEPT + INLIERS * log1p(inliers) + FINE * seen.fine + OVERLAP * seen.overlap
    return 1.0 / (1.0 + exp(-score))
