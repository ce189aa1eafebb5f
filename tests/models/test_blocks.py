from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echoduet.models.blocks import (
    NNUNET_STYLE,
    UNETPP_STYLE,
    DoubleBlock,
    DownBlock,
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
