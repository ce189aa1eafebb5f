from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from echoduet.models.heads import (
    EnlargedOutput,
    MaskGuidedClassHead,
    MaskHead,
    NestedClassHead,
    NNUNetClassHead,
    PresenceHead,
    gated,
    weighted_mean,
)
from echoduet.models.outputs import Decoded

WIDTHS, STRIDES = (4, 6, 8, 10, 12), (2, 4, 8, 16, 32)


def features(batch: int = 2, side: int = 64) -> tuple[torch.Tensor, ...]:
    return tuple(torch.rand(batch, w, side // s, side // s) for w, s in zip(WIDTHS, STRIDES, strict=True))


@pytest.mark.parametrize("learned", [True, False])
def test_mask_head_brings_every_scale_to_full_size(learned: bool) -> None:
    head = MaskHead((4, 6, 8), (1, 2, 4), learned=learned)
    maps = tuple(torch.rand(1, width, 16 // stride, 16 // stride) for width, stride in ((4, 1), (6, 2), (8, 4)))
    assert [tuple(logits.shape) for logits in head(maps)] == [(1, 1, 16, 16)] * 3


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_multiplied_weights_give_the_two_steps(factor: int) -> None:
    output, maps = EnlargedOutput(6, factor), torch.randn(2, 6, 5, 3)
    stepwise = F.conv2d(
        F.conv_transpose2d(maps, output.up.weight, output.up.bias, factor), output.conv.weight, output.conv.bias
    )
    torch.testing.assert_close(output(maps), stepwise, atol=1e-5, rtol=1e-4)
    got = torch.autograd.grad(output(maps).square().sum(), tuple(output.parameters()))
    expected = torch.autograd.grad(stepwise.square().sum(), tuple(output.parameters()))
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)


def test_unlearned_upsampling_keeps_a_constant() -> None:
    head = MaskHead((4,), (4,))
    logits = head((torch.ones(1, 4, 3, 5),))[0]
    assert logits.shape == (1, 1, 12, 20)
    torch.testing.assert_close(logits, logits[:, :, :1, :1].expand_as(logits))


@given(st.integers(1, 5), st.integers(1, 6), st.floats(0.1, 10.0))
def test_weighted_mean_of_equal_weights_is_the_mean(channels: int, side: int, weight: float) -> None:
    maps = torch.rand(2, channels, side, side)
    got = weighted_mean(maps, torch.full((2, 1, side, side), weight), floor=0.0)
    torch.testing.assert_close(got, maps.mean(dim=(2, 3)))


def test_weighted_mean_sees_only_where_the_weights_are_and_fades_without_any() -> None:
    maps, weights = torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    assert weighted_mean(maps, weights).abs().max() == 0
    weights[0, 0, 1, 2] = 1.0
    torch.testing.assert_close(weighted_mean(maps, weights), maps[:, :, 1, 2], atol=2e-3, rtol=0)


def test_guided_head_listens_to_the_mask() -> None:
    head = MaskGuidedClassHead(WIDTHS, STRIDES, with_decoder=True).eval()
    maps = features(batch=1)
    nothing, something = torch.full((1, 1, 64, 64), -9.0), torch.full((1, 1, 64, 64), -9.0)
    something[:, :, 16:32, 16:32] = 9.0
    assert not torch.allclose(head(maps, None, (nothing,)), head(maps, None, (something,)))


@pytest.mark.parametrize("detach", [True, False])
def test_class_loss_reaches_the_mask_only_when_asked(detach: bool) -> None:
    head = MaskGuidedClassHead(WIDTHS, STRIDES, with_decoder=True, detach=detach)
    mask_logits = torch.randn(2, 1, 64, 64, requires_grad=True)
    head(features(), None, (mask_logits,)).sum().backward()
    assert (mask_logits.grad is None) == detach


def test_guided_head_without_masks_pools_the_deepest_map() -> None:
    head = MaskGuidedClassHead(WIDTHS, STRIDES, with_decoder=False).eval()
    maps = features()
    torch.testing.assert_close(head(maps, None, ()), head.linear(maps[-1].mean(dim=(2, 3))))


@pytest.mark.parametrize("kind", [NestedClassHead, NNUNetClassHead])
def test_a_single_task_head_makes_the_decoder_node_it_reads(kind) -> None:
    # The same weights in the head's own node as in a decoder's must give the same classes.
    widths = (4, 6, 8, 10, 12) if kind is NestedClassHead else (4, 6, 8, 10, 12, 12)
    alone, joint = kind(widths, with_decoder=False), kind(widths, with_decoder=True)
    node = {key: value for key, value in alone.state_dict().items() if key.startswith("node.")}
    joint.load_state_dict({key: value for key, value in alone.state_dict().items() if key not in node})
    level, bottleneck = torch.rand(2, widths[-2], 8, 8), torch.rand(2, widths[-1], 4, 4)
    upsampled = alone.node.up(bottleneck)
    map_ = alone.node.merge(upsampled, level)
    deep = (map_,) if kind is NestedClassHead else (upsampled, map_)
    expected = alone((level, bottleneck), None, ())
    assert node
    torch.testing.assert_close(joint((level, bottleneck), Decoded(maps=(), deep=deep), ()), expected)


def test_dropout_acts_while_training() -> None:
    head = MaskGuidedClassHead(WIDTHS, STRIDES, with_decoder=False, dropout=0.5)
    maps = features()
    assert not torch.equal(head.train()(maps, None, ()), head(maps, None, ()))
    assert torch.equal(head.eval()(maps, None, ()), head(maps, None, ()))


@given(st.floats(-15, 15), st.floats(-15, 15))
def test_the_gate_multiplies_odds_of_pixels_by_the_probability_of_any_lesion(pixel: float, presence: float) -> None:
    logits = torch.full((1, 1, 2, 2), pixel, dtype=torch.float64)
    (got,) = gated((logits,), torch.tensor([presence], dtype=torch.float64))
    odds = math.exp(pixel) / (1 + math.exp(-presence))
    assert got.exp().flatten().tolist() == pytest.approx([odds] * 4, rel=1e-4)


def test_the_gate_keeps_scales_and_images_apart() -> None:
    scales = torch.randn(2, 1, 8, 8), torch.randn(2, 1, 8, 8)
    fine, coarse = gated(scales, torch.tensor([50.0, -3.0]))
    torch.testing.assert_close(fine[0], scales[0][0])
    torch.testing.assert_close(coarse[1], scales[1][1] + F.logsigmoid(torch.tensor(-3.0)))


def test_presence_starts_open_and_learns_from_mean_and_maximum() -> None:
    head = PresenceHead(12)
    deepest = torch.rand(3, 12, 4, 4)
    torch.testing.assert_close(head(deepest), torch.full((3,), 2.0))
    head(deepest).sum().backward()
    expected = torch.cat([deepest.mean(dim=(2, 3)), deepest.amax(dim=(2, 3))], dim=1).sum(0)
    torch.testing.assert_close(head.linear.weight.grad[0], expected)
