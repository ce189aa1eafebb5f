from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from echoduet.evaluation.calibration import brier_per_case, expected_calibration_error, reliability


@pytest.fixture
def probabilities(rng):
    return rng.dirichlet([0.7, 0.7, 0.7], 300)


@pytest.fixture
def truth(rng, probabilities):
    return np.array([rng.choice(3, p=0.6 * p + 0.4 / 3) for p in probabilities])


def test_brier_agrees_with_scikit_learn(truth, probabilities):
    assert brier_per_case(truth, probabilities).mean() == pytest.approx(brier_score_loss(truth, probabilities))


def test_brier_runs_from_sure_and_right_to_sure_and_wrong():
    np.testing.assert_allclose(brier_per_case(np.array([0, 1]), np.array([[1.0, 0, 0], [1.0, 0, 0]])), [0, 2])


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_calibration_error_agrees_with_torchmetrics(truth, probabilities, bins):
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    table = reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth, bins=bins)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(truth), num_classes=3, n_bins=bins, norm="l1"
    )
    assert float(expected_calibration_error(table)) == pytest.approx(float(expected), abs=1e-6)


def test_reliability_agrees_with_scikit_learn(truth, probabilities):
    from sklearn.calibration import calibration_curve

    table = reliability(probabilities[:, 1], truth == 1)
    observed, predicted = calibration_curve(truth == 1, probabilities[:, 1], n_bins=10)
    held = table.count > 0
    np.testing.assert_allclose(table.accuracy[held], observed)
    np.testing.assert_allclose(table.confidence[held], predicted)


def test_bins_are_closed_above_and_hold_every_case():
    table = reliability(np.array([0.0, 0.1, 0.11, 1.0]), np.ones(4, dtype=bool))
    np.testing.assert_array_equal(table.count, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    assert np.isnan(table.accuracy[2])


def test_weights_count_a_case_as_often_as_repeating_it(truth, probabilities, rng):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    times = rng.integers(0, 4, (2, len(truth)))
    weighted = expected_calibration_error(reliability(confidence, right, times.astype(float)))
    for row, error in zip(times, weighted, strict=True):
        repeated = reliability(np.repeat(confidence, row), np.repeat(right, row))
        assert float(expected_calibration_error(repeated)) == pytest.approx(error)


def test_probabilities_that_come_true_have_no_error():
    confidence = np.repeat([0.25, 0.75], 4)
    right = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    assert float(expected_calibration_error(reliability(confidence, right))) == pytest.approx(0)


def test_no_cases_leave_the_error_undefined():
    assert np.isnan(expected_calibration_error(reliability(np.zeros(0), np.zeros(0, dtype=bool))))
