from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from echoduet.models.blocks import (
    NNUNET_STYLE,
    UNETPP_STYLE,
    BatchBlock,
    DoubleBlock,
    DownBlock,
    Enlarge,
    InstanceNorm,
    InvertedResidual,
    SameConv,
    UpBlock,
    drop_path,
)


@given(kernel=st.sampled_from([1, 3, 5]), stride=st.sampled_from([1, 2]), half=st.integers(2, 9))
def test_same_convolution_halves_even_sides_exactly(kernel: int, stride: int, half: int) -> None:
    side = 2 * half
    out = SameConv(1, 1, kernel, stride)(torch.rand(1, 1, side, side))
    assert out.shape[-2:] == (side // stride, side // stride)


def test_same_convolution_pads_as_tensorflow_does() -> None:
    # TensorFlow, 3x3 and stride 2 on an even side: no padding before, one after. So the first window starts at 0.
    convolution = SameConv(1, 1, 3, stride=2)
    torch.nn.init.ones_(convolution.weight)
    image = torch.arange(16.0).view(1, 1, 4, 4)
    out = convolution(image)
    assert out[0, 0, 0, 0] == image[0, 0, :3, :3].sum()
    assert out[0, 0, 1, 1] == image[0, 0, 2:, 2:].sum()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm_is_torchs_in_either_layout(affine: bool, layout: torch.memory_format) -> None:
    ours, theirs = InstanceNorm(6, affine=affine), nn.InstanceNorm2d(6, affine=affine)
    if affine:
        nn.init.normal_(ours.weight)
        nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(3, 6, 8, 5) * 4 + 1
    assert_same(ours, theirs, image.contiguous(memory_format=layout), image)
    assert ours(image.contiguous(memory_format=layout)).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_enlarging_is_torchs_transposed_convolution(factor: int, layout: torch.memory_format) -> None:
    ours, theirs = Enlarge(5, 7, factor), nn.ConvTranspose2d(5, 7, factor, factor)
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(2, 5, 6, 4)
    assert_same(ours, theirs, image.contiguous(memory_format=layout), image)


def assert_same(ours: nn.Module, theirs: nn.Module, our_input: Tensor, their_input: Tensor) -> None:
    """Both give the same answer and the same gradients."""
    our_input, their_input = our_input.clone().requires_grad_(), their_input.clone().requires_grad_()
    our_answer, their_answer = ours(our_input), theirs(their_input)
    torch.testing.assert_close(our_answer, their_answer, atol=1e-5, rtol=1e-4)
    slope = torch.randn_like(their_answer)
    got = torch.autograd.grad(our_answer, [our_input, *ours.parameters()], slope)
    expected = torch.autograd.grad(their_answer, [their_input, *theirs.parameters()], slope)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 2)])
def test_depthwise_gradients_are_those_of_float32_under_autocast(kernel: int, stride: int) -> None:
    depthwise = SameConv(8, 8, kernel, stride, groups=8)
    image = torch.randn(2, 8, 12, 12).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = depthwise(image)
    assert out.dtype == torch.bfloat16
    slope = torch.randn_like(out)
    got = torch.autograd.grad(out, depthwise.weight, slope)[0]
    exact = torch.autograd.grad(depthwise(image.detach().float()), depthwise.weight, slope.float())[0]
    torch.testing.assert_close(got, exact, atol=1e-5, rtol=1e-5)


def test_styles_follow_the_paper() -> None:
    plus, plain = DoubleBlock(2, 4, UNETPP_STYLE), DoubleBlock(2, 4, NNUNET_STYLE)
    assert plus.first.conv.bias is not None
    assert plus.first.norm.affine
    assert plus.first.act.negative_slope == 0.1
    assert plain.first.conv.bias is None
    assert not plain.first.norm.affine
    assert plain.first.act.negative_slope == 0.01


def test_double_block_narrows_in_the_second_half_when_told() -> None:
    block = DoubleBlock(8, 2, NNUNET_STYLE, width_mid=6)
    assert block.first.conv.out_channels == 6
    assert block.second.conv.out_channels == 2


def test_up_undoes_the_size_of_down() -> None:
    image = torch.rand(1, 4, 16, 24)
    below = DownBlock(4, 8, UNETPP_STYLE)(image)
    assert below.shape == (1, 8, 8, 12)
    up = UpBlock(8, 3, 4, 5, style=UNETPP_STYLE)
    assert up(below, image).shape == (1, 5, 16, 24)
    assert torch.equal(up(below, image), up.merge(up.up(below), image))


def test_shortcut_only_where_shapes_allow() -> None:
    def block(width_out: int, stride: int) -> InvertedResidual:
        return InvertedResidual(8, width_out, expansion=6, kernel=3, stride=stride)

    assert block(8, 1).shortcut
    assert not block(16, 1).shortcut
    assert not block(8, 2).shortcut


def test_a_dropped_branch_leaves_the_input_while_training_only() -> None:
    block = InvertedResidual(8, 8, expansion=6, kernel=3, stride=1, drop_rate=0.999999)
    image = torch.rand(4, 8, 6, 6)
    assert torch.equal(block.train()(image), image)
    assert not torch.equal(block.eval()(image), image)


def test_drop_path_keeps_the_mean_and_drops_whole_images() -> None:
    branch = torch.ones(4000, 1, 2, 2)
    dropped = drop_path(branch, 0.25)
    assert torch.equal(drop_path(branch, 0.0), branch)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.05)
    assert sorted(dropped.flatten(1).sum(dim=1).unique().tolist()) == pytest.approx([0.0, 4 / 0.75])


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("groups", [1, 6])
def test_a_folded_norm_answers_as_the_norm(groups: int, linear: bool) -> None:
    block = BatchBlock(6, 12, 3, stride=2, groups=groups, linear=linear)
    for statistic in (block.norm.running_mean, block.norm.weight, block.norm.bias):
        nn.init.normal_(statistic, 0.5, 1.0)
    nn.init.uniform_(block.norm.running_var, 0.1, 4.0)
    image = torch.randn(2, 6, 10, 8)
    with torch.no_grad():
        folded = block.eval()(image)
    torch.testing.assert_close(folded, block(image).detach(), atol=1e-5, rtol=1e-5)
    assert folded.std() > 0.1
