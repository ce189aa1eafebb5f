from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from echoduet.evaluation import classification as ours

K = 3


@pytest.fixture
def answers(rng):
    """True classes, answers that are right six times of ten, and how often each case counts."""
    truth = rng.integers(0, K, 200)
    answer = np.where(rng.random(200) < 0.6, truth, rng.integers(0, K, 200))
    return truth, answer, rng.integers(0, 4, 200)


def test_agree_with_scikit_learn_on_weighted_cases(answers):
    truth, answer, weights = answers
    table = ours.confusion_matrix(truth, answer, K, weights.astype(float))
    kwargs = {"sample_weight": weights}
    np.testing.assert_allclose(table, sk.confusion_matrix(truth, answer, **kwargs))
    np.testing.assert_allclose(ours.f1(table), sk.f1_score(truth, answer, average=None, **kwargs))
    np.testing.assert_allclose(ours.recall(table), sk.recall_score(truth, answer, average=None, **kwargs))
    for function, expected in {
        ours.accuracy: sk.accuracy_score(truth, answer, **kwargs),
        ours.balanced_accuracy: sk.balanced_accuracy_score(truth, answer, **kwargs),
        ours.f1_macro: sk.f1_score(truth, answer, average="macro", **kwargs),
        ours.f1_weighted: sk.f1_score(truth, answer, average="weighted", **kwargs),
        ours.mcc: sk.matthews_corrcoef(truth, answer, **kwargs),
    }.items():
        assert float(function(table)) == pytest.approx(expected), function.__name__


def test_agree_with_torchmetrics(answers):
    import torch
    from torchmetrics.functional.classification import multiclass_f1_score, multiclass_matthews_corrcoef

    truth, answer, _ = answers
    table = ours.confusion_matrix(truth, answer, K)
    tensors = torch.from_numpy(answer), torch.from_numpy(truth)
    assert float(ours.mcc(table)) == pytest.approx(float(multiclass_matthews_corrcoef(*tensors, K)), abs=1e-6)
    assert float(ours.f1_macro(table)) == pytest.approx(float(multiclass_f1_score(*tensors, K)), abs=1e-6)


@pytest.mark.parametrize(
    "function", [ours.accuracy, ours.balanced_accuracy, ours.f1_macro, ours.f1_weighted, ours.mcc, ours.f1, ours.recall]
)
def test_many_resamples_at_once_are_the_same_as_one_by_one(answers, rng, function):
    truth, answer, _ = answers
    weights = rng.integers(0, 3, (2, 5, len(truth))).astype(float)
    together = function(ours.confusion_matrix(truth, answer, K, weights))
    for i, j in np.ndindex(2, 5):
        alone = function(ours.confusion_matrix(truth, answer, K, weights[i, j]))
        np.testing.assert_allclose(together[i, j], alone)


def test_a_class_that_nobody_names_leaves_the_macro_mean():
    table = ours.confusion_matrix(np.array([0, 0, 1]), np.array([0, 0, 0]), K)
    np.testing.assert_allclose(ours.f1(table), [0.8, 0.0, np.nan])
    assert float(ours.f1_macro(table)) == pytest.approx(0.4)
    assert float(ours.balanced_accuracy(table)) == 0.5
    assert float(ours.f1_weighted(table)) == pytest.approx(0.8 * 2 / 3)


def test_a_constant_answer_has_no_correlation_and_one_class_alone_none_defined():
    constant = ours.confusion_matrix(np.array([0, 1, 2]), np.array([1, 1, 1]), K)
    assert float(ours.mcc(constant)) == 0.0
    one_class = ours.confusion_matrix(np.array([1, 1]), np.array([1, 0]), K)
    assert np.isnan(ours.mcc(one_class))


def test_no_cases_leave_everything_undefined():
    table = np.zeros((K, K))
    for function in (ours.accuracy, ours.balanced_accuracy, ours.f1_macro, ours.f1_weighted, ours.mcc):
        assert np.isnan(function(table)), function.__name__


def test_divide_says_undefined_only_where_the_denominator_is_zero():
    np.testing.assert_array_equal(
        ours.divide(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0])), [0.5, np.nan, np.nan]
    )


def test_defined_mean_leaves_undefined_values_out():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(ours.defined_mean(values), [2.0, np.nan])
    np.testing.assert_array_equal(ours.defined_mean(values, axis=0), [1.0, np.nan, 3.0])
