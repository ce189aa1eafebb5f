"""How the two losses are added up: fixed, by learned uncertainty, by the gradients at the shared map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from echoduet.losses.weighting import FixedWeighting, GradientWeighting, UncertaintyWeighting


def pull(shared: Tensor, seg: float, cls: float) -> tuple[Tensor, Tensor]:
    """Return two losses of value 1 whose gradients at `shared` have the norms `seg` and `cls`."""
    flat = shared.flatten()
    return 1.0 + seg * (flat[0] - flat[0].detach()), 1.0 + cls * (flat[1] - flat[1].detach())


@pytest.fixture
def shared() -> Tensor:
    return torch.rand(2, 3, 4, 4, requires_grad=True)


def test_fixed_is_the_sum_of_the_schema() -> None:
    got = FixedWeighting(0.35)(torch.tensor(2.0), torch.tensor(0.7), None)
    torch.testing.assert_close(got, torch.tensor(0.35 * 2.0 + 0.65 * 0.7))


def test_uncertainty_starts_as_the_fixed_weights() -> None:
    weighting = UncertaintyWeighting(0.35)
    torch.testing.assert_close(weighting.weights(), torch.tensor([0.35, 0.65]))
    losses = torch.tensor([2.0, 0.7], requires_grad=True)
    weighting(losses[0], losses[1], None).backward()
    torch.testing.assert_close(losses.grad, torch.tensor([0.35, 0.65]))


def test_uncertainty_is_the_formula_and_settles_where_each_task_counts_one_half() -> None:
    weighting, losses = UncertaintyWeighting(0.5), torch.tensor([2.0, 0.1])
    optimiser = torch.optim.Adam(weighting.parameters(), lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        total = weighting(losses[0], losses[1], None)
        total.backward()
        optimiser.step()
    torch.testing.assert_close(weighting.weights() * losses, torch.tensor([0.5, 0.5]), atol=1e-3, rtol=1e-3)
    expected = (1.0 + (2 * losses).log()).sum() / 2  # the minimum of exp(-s) L + s / 2 over s, summed
    torch.testing.assert_close(total.detach(), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("share", [0.35, 0.5])
@pytest.mark.parametrize("norms", [(1.0, 1.0), (8.0, 0.5), (0.01, 30.0)])
def test_gradient_weights_set_the_ratio_of_the_forces(share: float, norms: tuple[float, float], shared: Tensor) -> None:
    weighting = GradientWeighting(share)
    total = weighting(*pull(shared, *norms), shared)
    total.backward()
    force = shared.grad.flatten()[:2]
    assert (force[0] / force.sum()).item() == pytest.approx(share, rel=1e-4)
    assert weighting.weights().sum().item() == pytest.approx(1.0)
    assert total.item() == pytest.approx(1.0)


def test_a_task_that_learns_faster_is_calmed(shared: Tensor) -> None:
    weighting = GradientWeighting(0.5, momentum=0.0)
    weighting(*pull(shared, 1.0, 1.0), shared)
    segmentation, classification = pull(shared, 1.0, 1.0)
    weighting(segmentation, classification - 0.75, shared)  # classes are three quarters done, and pull as before
    torch.testing.assert_close(weighting.weights(), torch.tensor([0.8, 0.2]))


def test_a_solved_task_takes_no_weight(shared: Tensor) -> None:
    weighting = GradientWeighting(0.5, momentum=0.0)
    weighting(*pull(shared, 1.0, 1.0), shared)
    segmentation, classification = pull(shared, 1.0, 1e-6)  # its gradient fades with its loss
    weighting(segmentation, classification - 1 + 1e-6, shared)
    assert 0.2 < weighting.weights()[0].item() < 0.8


def test_norms_are_running_means_that_a_state_restores(shared: Tensor) -> None:
    weighting = GradientWeighting(0.5, momentum=0.9)
    weighting(*pull(shared, 2.0, 1.0), shared)
    weighting(*pull(shared, 4.0, 1.0), shared)
    torch.testing.assert_close(weighting.norms, torch.tensor([2.2, 1.0]))
    restored = GradientWeighting(0.5)
    restored.load_state_dict(weighting.state_dict())
    assert torch.equal(restored.weights(), weighting.weights())


def test_gradient_needs_the_shared_map() -> None:
    with pytest.raises(ValueError, match="both tasks read"):
        GradientWeighting(0.5)(torch.tensor(1.0), torch.tensor(1.0), None)


def test_before_anything_is_measured_the_weights_are_the_shares() -> None:
    weighting, frozen = GradientWeighting(0.35), torch.rand(1, 2, 2, 2)
    torch.testing.assert_close(weighting.weights(), torch.tensor([0.35, 0.65]))
    got = weighting(torch.tensor(2.0), torch.tensor(0.7), frozen)  # a frozen encoder: no gradient to measure
    torch.testing.assert_close(got, torch.tensor(0.35 * 2.0 + 0.65 * 0.7))
