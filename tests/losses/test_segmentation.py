from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import DiceLoss, FocalLoss, TverskyLoss
from torch import Tensor
from torch.nn import functional as F

from echoduet.losses.segmentation import (
    bce_loss,
    contour_bce_loss,
    contour_weights,
    dice_loss,
    focal_mask_loss,
    focal_tversky_loss,
    has_lesion,
    presence_loss,
)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1993)
    masks = (torch.rand(4, 1, 12, 9) > 0.6).float()
    masks[3] = 0.0  # a normal image
    return torch.randn(4, 1, 12, 9) * 3, masks


@pytest.mark.parametrize("per", ["image", "batch"])
@pytest.mark.parametrize("smoothing", [1e-5, 1.0, 20.0])
def test_dice_is_monais(batch: tuple[Tensor, Tensor], per: str, smoothing: float) -> None:
    theirs = DiceLoss(sigmoid=True, squared_pred=True, smooth_nr=smoothing, smooth_dr=smoothing, batch=per == "batch")
    torch.testing.assert_close(dice_loss(*batch, smoothing, per), theirs(*batch))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_is_monais(batch: tuple[Tensor, Tensor], gamma: float) -> None:
    torch.testing.assert_close(focal_mask_loss(*batch, gamma), FocalLoss(gamma=gamma)(*batch))


def test_focal_without_focus_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(focal_mask_loss(*batch, gamma=0.0), bce_loss(*batch))


def test_cross_entropy_is_the_mean_over_pixels(batch: tuple[Tensor, Tensor]) -> None:
    logits, masks = batch
    p = logits.double().sigmoid()
    expected = -(masks * p.log() + (1 - masks) * (1 - p).log()).mean()
    torch.testing.assert_close(bce_loss(logits, masks).double(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("per", ["image", "batch"])
@pytest.mark.parametrize("miss_weight", [0.3, 0.5, 0.7])
def test_tversky_is_monais(batch: tuple[Tensor, Tensor], miss_weight: float, per: str) -> None:
    theirs = TverskyLoss(
        sigmoid=True, alpha=1 - miss_weight, beta=miss_weight, smooth_nr=1.0, smooth_dr=1.0, batch=per == "batch"
    )
    torch.testing.assert_close(focal_tversky_loss(*batch, miss_weight, 1.0, per=per), theirs(*batch))


def test_the_power_of_focal_tversky_acts_on_each_image(batch: tuple[Tensor, Tensor]) -> None:
    theirs = TverskyLoss(sigmoid=True, alpha=0.3, beta=0.7, smooth_nr=1.0, smooth_dr=1.0, reduction="none")(*batch)
    torch.testing.assert_close(focal_tversky_loss(*batch, 0.7, 0.75), theirs.pow(0.75).mean())


@pytest.mark.parametrize("radius", [1, 3, 15])
def test_contour_cross_entropy_is_the_formula_of_f3net(batch: tuple[Tensor, Tensor], radius: int) -> None:
    logits, masks = batch
    near = F.avg_pool2d(masks, 2 * radius + 1, stride=1, padding=radius)  # one square window, as the paper has it
    weights = 1 + 5 * (near - masks).abs()
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    expected = ((weights * entropy).sum((2, 3)) / weights.sum((2, 3))).mean()
    torch.testing.assert_close(contour_bce_loss(logits, masks, radius, 5.0), expected)


def test_contour_cross_entropy_without_weight_is_the_plain_one(batch: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(contour_bce_loss(*batch, weight=0.0), bce_loss(*batch))


def test_only_pixels_near_the_contour_weigh_more() -> None:
    masks = torch.zeros(2, 1, 40, 40)
    masks[0, :, :, 20:] = 1.0  # one straight contour; the second image is normal
    weights = contour_weights(masks, radius=3, weight=5.0)
    assert (weights[1] == 1).all()
    row = weights[0, 0, 20]
    assert (row[:17] == 1).all()
    assert (row[23:37] == 1).all()  # further on, the border of the image is a contour too
    assert row[19].item() == pytest.approx(1 + 5 * 3 / 7, rel=1e-5)
    assert row[17] < row[18] < row[19]


def test_presence_is_learnt_from_the_mask(batch: tuple[Tensor, Tensor]) -> None:
    _, masks = batch
    assert has_lesion(masks).tolist() == [True, True, True, False]
    logits = torch.tensor([2.0, -1.0, 0.5, 3.0])
    expected = F.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 1.0, 1.0, 0.0]))
    torch.testing.assert_close(presence_loss(logits, masks), expected)


def test_a_perfect_mask_costs_nothing_and_an_opposite_one_nearly_all() -> None:
    masks = torch.zeros(2, 1, 20, 20)
    masks[0, :, 5:15, 5:15] = 1.0  # the second image is normal
    perfect = (2 * masks - 1) * 30
    assert dice_loss(perfect, masks).item() == pytest.approx(0.0, abs=1e-6)
    assert dice_loss(-perfect, masks).item() > 0.99
    assert focal_mask_loss(perfect, masks).item() == pytest.approx(0.0, abs=1e-6)
    assert contour_bce_loss(perfect, masks).item() == pytest.approx(0.0, abs=1e-6)
    assert focal_tversky_loss(perfect, masks).item() == pytest.approx(0.0, abs=1e-4)
    assert focal_tversky_loss(-perfect, masks).item() > 0.97


@given(st.integers(0, 2**31), st.floats(0.01, 10.0))
def test_dice_lies_between_0_and_1_and_ignores_the_order_of_images(seed: int, smoothing: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 1, 6, 6, generator=generator)
    masks = (torch.rand(3, 1, 6, 6, generator=generator) > 0.5).float()
    loss = dice_loss(logits, masks, smoothing)
    assert 0.0 <= loss.item() <= 1.0
    torch.testing.assert_close(loss, dice_loss(logits.flip(0), masks.flip(0), smoothing))


def sharp_focal(logits: Tensor, target: Tensor) -> Tensor:
    return focal_mask_loss(logits, target, gamma=0.5)  # its slope at a certain answer is infinite


@pytest.mark.parametrize(
    "loss", [dice_loss, bce_loss, focal_mask_loss, sharp_focal, contour_bce_loss, focal_tversky_loss]
)
def test_losses_are_float32_and_finite_on_extreme_bfloat16(loss) -> None:
    logits = torch.tensor([[[[200.0, -200.0, 0.0, 90.0]]]], dtype=torch.bfloat16, requires_grad=True)
    value = loss(logits, torch.tensor([[[[0.0, 1.0, 1.0, 1.0]]]]))
    value.backward()
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert logits.grad.isfinite().all()
