from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from echoduet.evaluation.temperature import LEAST, MOST, fit_temperature, tempered

PROBABILITIES = arrays.arrays(np.float64, (6, 3), elements=st.floats(0.001, 1)).map(
    lambda p: p / p.sum(1, keepdims=True)
)


def drawn(rng, n=4000, sharpness=2.0, seen_at=1.0):
    """Labels drawn from probabilities, and what a network tells that is `1 / seen_at` times too sure of them."""
    honest = torch.tensor(rng.normal(0, sharpness, (n, 3))).softmax(1)
    truth = np.array([rng.choice(3, p=p) for p in honest.numpy()])
    return truth, tempered(honest.numpy(), seen_at)


@pytest.mark.parametrize("seen_at", [0.4, 1.0, 2.5])
def test_it_undoes_what_made_the_answers_too_sure_or_too_shy(rng, seen_at):
    truth, told = drawn(rng, seen_at=seen_at)
    assert fit_temperature(truth, told) == pytest.approx(1 / seen_at, rel=0.06)


def test_it_is_what_gradient_descent_on_the_logits_finds(rng):
    truth, told = drawn(rng, n=500, seen_at=0.5)
    log_t = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([log_t], max_iter=200, tolerance_grad=1e-10)
    logits, target = torch.tensor(np.log(told)), torch.tensor(truth)

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits / log_t.exp(), target)
        loss.backward()
        return loss

    optimiser.step(closure)
    assert fit_temperature(truth, told) == pytest.approx(float(log_t.exp().detach()), rel=1e-3)


@given(PROBABILITIES, st.floats(LEAST, MOST))
def test_tempered_answers_are_probabilities_in_the_same_order(p, temperature):
    after = tempered(p, temperature)
    np.testing.assert_allclose(after.sum(1), 1)
    before_order, after_order = p[:, :, None] - p[:, None], after[:, :, None] - after[:, None]
    assert (before_order * after_order >= 0).all()
    np.testing.assert_allclose(tempered(after, 1 / temperature) if 1 < temperature < 3 else p, p, atol=1e-6)


def test_at_one_nothing_is_touched_and_certainty_stays_finite():
    p = np.array([[1.0, 0.0, 0.0]])
    assert tempered(p, 1.0) is p
    assert np.isfinite(tempered(p, 0.1)).all()
    assert tempered(p, 3.0)[0, 0] == pytest.approx(1, abs=1e-3)


def test_without_cases_it_is_one():
    assert fit_temperature(np.array([], dtype=np.int64), np.empty((0, 3))) == 1.0
