from __future__ import annotations

import pytest
import torch
from torch import Tensor

from echoduet.config.schema import LossConfig
from echoduet.losses.classification import cross_entropy, focal_loss
from echoduet.losses.multitask import MultiTaskLoss
from echoduet.losses.segmentation import (
    bce_loss,
    contour_bce_loss,
    dice_loss,
    focal_mask_loss,
    focal_tversky_loss,
    presence_loss,
)
from echoduet.models.outputs import Output


@pytest.fixture
def scales() -> tuple[Tensor, ...]:
    torch.manual_seed(1993)
    return tuple(torch.randn(2, 1, 8, 8) for _ in range(4))


MASKS = torch.eye(8).expand(2, 1, 8, 8)
CLASS_LOGITS = torch.tensor([[1.0, -1.0, 0.5], [0.2, 0.1, -0.4]])
LABELS = torch.tensor([1, 2])


def test_the_papers_loss_term_by_term(scales: tuple[Tensor, ...]) -> None:
    parts = MultiTaskLoss(LossConfig())(Output(scales, CLASS_LOGITS), MASKS, LABELS)
    segmentation = sum(dice_loss(logits, MASKS, 1.0) / (n + 1) for n, logits in enumerate(scales))
    classification = focal_loss(CLASS_LOGITS, LABELS, 2.0)
    torch.testing.assert_close(parts.segmentation, segmentation)
    torch.testing.assert_close(parts.classification, classification)
    torch.testing.assert_close(parts.total, 0.35 * segmentation + 0.65 * classification)


def test_the_finest_scale_weighs_most(scales: tuple[Tensor, ...]) -> None:
    leaves = tuple(logits.clone().requires_grad_() for logits in (scales[0],) * 4)
    MultiTaskLoss(LossConfig())(Output(leaves, None), MASKS, LABELS).total.backward()
    for n, leaf in enumerate(leaves):
        torch.testing.assert_close(leaf.grad * (n + 1), leaves[0].grad)


def test_one_task_alone_is_not_weighted(scales: tuple[Tensor, ...]) -> None:
    loss = MultiTaskLoss(LossConfig(segmentation_weight=0.35))
    masks_only = loss(Output(scales, None), MASKS, LABELS)
    classes_only = loss(Output((), CLASS_LOGITS), MASKS, LABELS)
    assert masks_only.classification is None
    assert classes_only.segmentation is None
    assert masks_only.total is masks_only.segmentation
    assert classes_only.total is classes_only.classification


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("dice", lambda *_: 0.0),
        ("dice_bce", bce_loss),
        ("dice_bce_boundary", lambda a, b: contour_bce_loss(a, b, 2, 4.0)),
        ("dice_focal", lambda a, b: focal_mask_loss(a, b, 2.0)),
    ],
)
def test_every_mask_loss_of_the_schema(kind: str, extra, scales: tuple[Tensor, ...]) -> None:
    config = LossConfig(segmentation=kind, dice_per="batch", dice_smoothing=3.0, boundary_radius=2, boundary_weight=4.0)
    got = MultiTaskLoss(config)(Output(scales[:1], None), MASKS, LABELS).total
    expected = dice_loss(scales[0], MASKS, 3.0, "batch") + extra(scales[0], MASKS)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("per", ["image", "batch"])
@pytest.mark.parametrize("kind", ["dice_bce", "focal_tversky"])
def test_dice_on_lesions_is_dice_of_the_images_with_one(kind: str, per: str, scales: tuple[Tensor, ...]) -> None:
    logits = torch.cat([scales[0], scales[1]]).requires_grad_()
    masks = torch.cat([MASKS, torch.zeros_like(MASKS)])
    config = LossConfig(segmentation=kind, dice_on="lesions", dice_per=per)
    got = MultiTaskLoss(config)(Output((logits,), None), masks, LABELS).total
    pixels = bce_loss(logits, masks) if kind == "dice_bce" else 0.0
    overlap = dice_loss if kind == "dice_bce" else focal_tversky_loss
    torch.testing.assert_close(got, overlap(logits[:2], MASKS, per=per) + pixels, atol=1e-4, rtol=1e-5)
    got.backward()
    assert logits.grad[:2].abs().max() > 0
    assert (logits.grad[2:].abs().max() > 0) == (kind == "dice_bce")


@pytest.mark.parametrize("per", ["image", "batch"])
def test_dice_on_lesions_of_a_batch_without_any_is_nothing(per: str, scales: tuple[Tensor, ...]) -> None:
    logits, nothing = scales[0].clone().requires_grad_(), torch.zeros_like(MASKS)
    config = LossConfig(segmentation="dice_bce", dice_on="lesions", dice_per=per)
    got = MultiTaskLoss(config)(Output((logits,), None), nothing, LABELS).total
    torch.testing.assert_close(got, bce_loss(logits, nothing))
    got.backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["dice_bce", "dice_bce_boundary", "focal_tversky"])
def test_masks_on_lesions_asks_nothing_of_images_without_one(kind: str, scales: tuple[Tensor, ...]) -> None:
    leaves = tuple(torch.cat([logits, logits]).requires_grad_() for logits in scales)
    masks = torch.cat([MASKS, torch.zeros_like(MASKS)])
    loss = MultiTaskLoss(LossConfig(segmentation=kind, masks_on="lesions"))
    got = loss(Output(leaves, None), masks, LABELS).total
    torch.testing.assert_close(got, loss(Output(scales, None), MASKS, LABELS).total)
    got.backward()
    for leaf in leaves:
        assert leaf.grad[:2].abs().max() > 0
        assert (leaf.grad[2:] == 0).all()


def test_masks_on_lesions_leaves_a_batch_without_any_to_the_class(scales: tuple[Tensor, ...]) -> None:
    leaves = tuple(logits.clone().requires_grad_() for logits in scales)
    loss = MultiTaskLoss(LossConfig(masks_on="lesions"))
    parts = loss(Output(leaves, CLASS_LOGITS), torch.zeros_like(MASKS), LABELS)
    torch.testing.assert_close(parts.total, 0.65 * parts.classification)
    parts.total.backward()
    assert all((leaf.grad == 0).all() for leaf in leaves)


def test_presence_belongs_to_the_segmentation(scales: tuple[Tensor, ...]) -> None:
    loss, logit = MultiTaskLoss(LossConfig(presence_weight=0.7)), torch.tensor([1.0, -2.0])
    parts = loss(Output(scales, CLASS_LOGITS, logit), MASKS, LABELS)
    torch.testing.assert_close(parts.presence, presence_loss(logit, MASKS))
    masking = parts.segmentation + 0.7 * parts.presence
    torch.testing.assert_close(parts.total, 0.35 * masking + 0.65 * parts.classification)
    alone = loss(Output(scales, None, logit), MASKS, LABELS)
    torch.testing.assert_close(alone.total, masking)
    assert loss(Output(scales, CLASS_LOGITS), MASKS, LABELS).presence is None


def test_focal_tversky_takes_its_keys(scales: tuple[Tensor, ...]) -> None:
    config = LossConfig(
        segmentation="focal_tversky", tversky_miss_weight=0.6, tversky_power=0.9, dice_per="batch", dice_smoothing=3.0
    )
    got = MultiTaskLoss(config)(Output(scales[:1], None), MASKS, LABELS).total
    torch.testing.assert_close(got, focal_tversky_loss(scales[0], MASKS, 0.6, 0.9, smoothing=3.0, per="batch"))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_every_class_loss_of_the_schema(smoothing: float) -> None:
    output = Output((), CLASS_LOGITS)
    entropy = MultiTaskLoss(LossConfig(classification="cross_entropy", label_smoothing=smoothing))
    focal = MultiTaskLoss(LossConfig(classification="focal", focal_gamma=1.0, label_smoothing=smoothing))
    torch.testing.assert_close(entropy(output, MASKS, LABELS).total, cross_entropy(CLASS_LOGITS, LABELS, smoothing))
    torch.testing.assert_close(focal(output, MASKS, LABELS).total, focal_loss(CLASS_LOGITS, LABELS, 1.0, smoothing))


@pytest.mark.parametrize("weighting", ["uncertainty", "gradient"])
def test_validation_weighs_as_configured_whatever_training_does(weighting: str, scales: tuple[Tensor, ...]) -> None:
    loss, fixed = MultiTaskLoss(LossConfig(weighting=weighting)), MultiTaskLoss(LossConfig())
    shared = torch.rand(1, requires_grad=True)
    output = Output(tuple(logits * shared for logits in scales), CLASS_LOGITS * shared, shared=shared)
    assert not torch.equal(loss(output, MASKS, LABELS).total, fixed(output, MASKS, LABELS).total)
    assert torch.equal(loss.eval()(output, MASKS, LABELS).total, fixed(output, MASKS, LABELS).total)
    assert set(loss.task_weights()) == {"segmentation", "classification"}
    assert fixed.task_weights() == {}


@pytest.mark.parametrize("weighting", ["uncertainty", "gradient"])
def test_one_task_alone_is_not_weighted_either_way(weighting: str, scales: tuple[Tensor, ...]) -> None:
    parts = MultiTaskLoss(LossConfig(weighting=weighting))(Output(scales, None), MASKS, LABELS)
    assert parts.total is parts.segmentation


def test_an_answer_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="neither"):
        MultiTaskLoss(LossConfig())(Output((), None), MASKS, LABELS)
