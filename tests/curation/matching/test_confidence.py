from __future__ import annotations

import pytest

from echoduet.curation.matching.alignment import Alignment
from echoduet.curation.matching.confidence import Weights, confidence, relation_of
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.matching.similarity import Likeness
from echoduet.curation.relations import IDENTITY, Relation


def alignment(inliers=60, strain=0.1):
    return Alignment(IDENTITY, inliers, strain)


COPY = Likeness(overlap=0.9, fine=0.97, coarse=0.99)


def test_confidence_grows_with_everything_that_speaks_for_a_relation():
    least = confidence(alignment(6), Likeness(0.3, 0.1, 0.2))
    assert least < confidence(alignment(12), Likeness(0.3, 0.1, 0.2))
    assert least < confidence(alignment(6), Likeness(0.3, 0.6, 0.2))
    assert least < confidence(alignment(6), Likeness(0.3, 0.1, 0.7))
    assert least < confidence(alignment(6), Likeness(0.9, 0.1, 0.2))


def test_confidence_is_a_logistic_function():
    assert confidence(alignment(), COPY, Weights(0, 0, 0, 0, 0)) == 0.5
    assert confidence(alignment(), COPY, Weights(1, 0, 0, 0, 0)) == pytest.approx(0.7311, abs=1e-4)


def test_five_features_by_chance_are_not_enough_and_eighty_are():
    assert confidence(alignment(5), Likeness(0.9, 0.05, 0.2)) < 0.05
    assert confidence(alignment(80), COPY) > 0.999


@pytest.mark.parametrize(
    ("seen", "strain", "expected"),
    [
        (COPY, 0.1, Relation.SAME_SCAN),
        (COPY, 0.8, Relation.SAME_SCENE),
        (Likeness(0.9, 0.3, 0.8), 0.1, Relation.SAME_SCENE),
        (Likeness(0.1, 0.97, 0.99), 0.1, None),
    ],
)
def test_relations(seen, strain, expected):
    assert relation_of(alignment(strain=strain), seen, 0.99, MatchSettings()) is expected


def test_what_is_not_sure_enough_is_no_relation():
    assert relation_of(alignment(), COPY, 0.49, MatchSettings()) is None
    assert relation_of(alignment(), COPY, 0.49, MatchSettings(confidence=0.4)) is Relation.SAME_SCAN
