from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import FocalLoss
from torch import Tensor
from torch.nn import functional as F

from echoduet.losses.classification import cross_entropy, focal_loss


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1993)
    return torch.randn(8, 3) * 2, torch.tensor([0, 1, 2, 0, 1, 2, 0, 0])


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_is_monais(batch: tuple[Tensor, Tensor], gamma: float) -> None:
    logits, labels = batch
    # MONAI averages over classes as well; ours, as the paper's, sums over them.
    theirs = FocalLoss(gamma=gamma, use_softmax=True, to_onehot_y=True)(logits, labels[:, None]) * 3
    torch.testing.assert_close(focal_loss(logits, labels, gamma), theirs)


def test_focal_is_the_papers_formula(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    entropy = F.cross_entropy(logits, F.one_hot(labels, 3).float(), reduction="none")
    expected = ((1 - torch.exp(-entropy)) ** 2 * entropy).mean()
    torch.testing.assert_close(focal_loss(logits, labels, 2.0), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_focal_without_focus_is_cross_entropy(batch: tuple[Tensor, Tensor], smoothing: float) -> None:
    expected = F.cross_entropy(*batch, label_smoothing=smoothing)
    torch.testing.assert_close(cross_entropy(*batch, smoothing), expected)
    torch.testing.assert_close(focal_loss(*batch, gamma=0.0, label_smoothing=smoothing), expected)


@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3), st.integers(0, 2), st.floats(0.0, 5.0))
def test_focal_never_exceeds_cross_entropy(logits: list[float], label: int, gamma: float) -> None:
    row, target = torch.tensor([logits]), torch.tensor([label])
    loss = focal_loss(row, target, gamma).item()
    assert 0.0 <= loss <= cross_entropy(row, target).item() + 1e-6


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_are_finite_when_certain(gamma: float) -> None:
    logits = torch.tensor([[80.0, -80.0, 0.0], [-80.0, 80.0, 0.0]], dtype=torch.bfloat16, requires_grad=True)
    loss = focal_loss(logits, torch.tensor([0, 0]), gamma)
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.isfinite().all()
