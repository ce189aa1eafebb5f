"""The reference of a data set's appearance: parity with scikit-learn, and what it refuses to be made of."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import EmpiricalCovariance

from echoduet.models import reference
from echoduet.models.reference import Reference

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def features(rng):
    """Two hundred pictures of four features, two of them tied."""
    drawn = rng.normal(size=(200, 4)) * (1, 5, 0.1, 2) + (0, 3, -1, 8)
    drawn[:, 1] += 4 * drawn[:, 0]
    return drawn


def test_unshrunk_it_is_the_distance_of_mahalanobis(features, monkeypatch):
    monkeypatch.setattr(reference, "SHRINKAGE", 0.0)
    ours = Reference.fit(NAMES, features).distance()(features)
    theirs = EmpiricalCovariance().fit(features).mahalanobis(features)
    assert ours**2 * len(NAMES) == pytest.approx(theirs, rel=1e-4)


def test_shrunk_correlations_are_between_the_measured_and_none(features):
    made = Reference.fit(NAMES, features)
    measured = np.corrcoef(features.T)
    assert np.array(made.correlation) == pytest.approx(0.8 * measured + 0.2 * np.eye(4), abs=1e-6)
    assert made.cases == 200


def test_some_features_alone_are_the_reference_of_these(features):
    whole, part = Reference.fit(NAMES, features), Reference.fit(("d", "a"), features[:, [3, 0]])
    assert whole.distance(("d", "a"))(features) == pytest.approx(part.distance()(features[:, [3, 0]]), rel=1e-6)
    with pytest.raises(KeyError):
        whole.distance(("e",))


def test_a_picture_like_the_others_has_about_one(features):
    distances = Reference.fit(NAMES, features).distance()(features)
    assert 0.8 < np.sqrt(np.mean(distances**2)) < 1.2
    assert Reference.fit(NAMES, features).distance()(features.mean(axis=0, keepdims=True))[0] < 1e-5


@given(st.integers(0, 10_000), st.integers(2, 40))
def test_it_comes_back_whole_whatever_it_was_made_of(seed, cases):
    made = Reference.fit(NAMES, np.random.default_rng(seed).normal(size=(cases, 4)))
    assert Reference.from_plain(json.loads(json.dumps(made.to_plain()))) == made


def test_a_feature_that_never_varies_leaves_the_distance_finite(features):
    features[:, 2] = 7.0
    distances = Reference.fit(NAMES, features).distance()(features + 1)
    assert np.isfinite(distances).all()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"mean": [1.0, 2.0]}, "do not fit together"),
        ({"names": ["a", "a", "c", "d"]}, "do not fit together"),
        ({"spread": [1.0, 0.0, 1.0, 1.0]}, "not above 0"),
        ({"mean": [0.0, float("nan"), 0.0, 0.0]}, "not finite"),
        ({"correlation": (np.eye(4) - 0.5).tolist()}, "none of any pictures"),
        ({"correlation": np.triu(np.ones((4, 4))).tolist()}, "none of any pictures"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(features, change, named):
    with pytest.raises(ValueError, match=named):
        Reference.from_plain(Reference.fit(NAMES, features).to_plain() | change)
