"""Decoders: feature maps in, maps that a mask is read from out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from echoduet.models.blocks import NNUNET_STYLE, UNETPP_STYLE, DoubleBlock, DownBlock, UpBlock
from echoduet.models.outputs import Decoded


class Decoder(nn.Module):
    """Base of all decoders.

    Attributes:
        widths: channels of each map that a mask is read from, finest first.
        strides: by how much each is smaller than the image.
        reach: the place, among the encoder's maps, of the deepest one it reads.
        reads_image: it takes the image itself in front of the encoder's maps.
        min_side: the smallest image side that every layer of it can take.
    """

    widths: tuple[int, ...]
    strides: tuple[int, ...]
    reach: int = -1
    reads_image: bool = False
    min_side: int = 1


def nested_node(widths: Sequence[int], row: int, column: int) -> UpBlock:
    """Return node X(row, column) of UNet++ (Zhou et al., 2018, eq. 1) over encoder `widths`.

    The map from below is halved to the width of its new level, except into the finest row, which keeps it: so the
    paper's network does.
    """
    below = widths[row + 1]
    upsampled = below if row == 0 else below // 2
    return UpBlock(below, upsampled, column * widths[row], widths[row], style=UNETPP_STYLE)


class NestedDecoder(Decoder):
    """UNet++: every node joins all nodes of its row before it with the upsampled one below it."""

    def __init__(self, widths: Sequence[int], deep_supervision: bool) -> None:
        super().__init__()
        self.depth = len(widths) - 1
        outputs = self.depth if deep_supervision else 1
        self.widths = (widths[0],) * outputs
        self.strides = (1,) * outputs
        self.nodes = nn.ModuleDict(
            {f"{row}_{column}": nested_node(widths, row, column) for row, column in self._positions()}
        )

    def _positions(self) -> list[tuple[int, int]]:
        return [(row, column) for column in range(1, self.depth + 1) for row in range(self.depth + 1 - column)]

    def forward(self, features: tuple[Tensor, ...]) -> Decoded:
        """Map encoder features to X(0, 4), X(0, 3) ..., each `(B, width, H, W)`; deep is X(3, 1)."""
        rows = [[features[row]] for row in range(self.depth + 1)]
        for row, column in self._positions():
            node = self.nodes[f"{row}_{column}"]
            rows[row].append(node(rows[row + 1][column - 1], *rows[row]))
        finest_first = tuple(reversed(rows[0][1:]))
        return Decoded(maps=finest_first[: len(self.widths)], deep=(rows[self.depth - 1][1],))


def deepest_node(widths: Sequence[int]) -> UpBlock:
    """Return the deepest decoder block of the paper's nnU-Net: the bottleneck joins the level above it."""
    return UpBlock(widths[-1], widths[-1], widths[-2], widths[-3], style=NNUNET_STYLE)


class NNUNetDecoder(Decoder):
    """The paper's nnU-Net decoder: transposed convolutions that keep the width, two plain blocks a level."""

    def __init__(self, widths: Sequence[int], deep_supervision: bool) -> None:
        super().__init__()
        *above, _ = widths
        outs = (above[0] // 2, *above[:-1])  # 16, 32, 64, 128, 256 for the paper's widths
        self.deepest = deepest_node(widths)
        self.levels = nn.ModuleList(
            UpBlock(
                outs[level + 1],
                outs[level + 1],
                above[level],
                outs[level],
                style=NNUNET_STYLE,
                width_mid=above[max(level - 1, 0)],  # the finest level narrows in its second block only: 32, then 16
            )
            for level in reversed(range(len(above) - 1))
        )
        outputs = len(above) - 1 if deep_supervision else 1
        self.widths = outs[:outputs]
        self.strides = tuple(2**level for level in range(outputs))

    def forward(self, features: tuple[Tensor, ...]) -> Decoded:
        """Map encoder features to decoder maps; deep is the upsampled bottleneck and the deepest decoder map."""
        *skips, bottleneck = features
        upsampled = self.deepest.up(bottleneck)
        x = deepest = self.deepest.merge(upsampled, skips.pop())
        maps = []
        for level in self.levels:
            x = level(x, skips.pop())
            maps.append(x)
        return Decoded(maps=tuple(reversed(maps))[: len(self.widths)], deep=(upsampled, deepest))


class LightDecoder(Decoder):
    """A small U-Net decoder for pretrained encoders: nearest upsampling, one dense convolution a level.

    It ends at the encoder's finest stride: the logits are brought to full size, which is cheaper than another level
    and loses nothing visible on ultrasound.

    Args:
        widths: channels of the encoder's maps, finest first.
        strides: their strides, each twice the one before.
        channels: channels of the decoder's levels, deepest first; the last is repeated as needed.
        deep_supervision: return every level but the deepest, not only the finest.
    """

    def __init__(
        self,
        widths: Sequence[int],
        strides: Sequence[int],
        deep_supervision: bool,
        channels: Sequence[int] = (128, 64, 48, 32),
    ) -> None:
        super().__init__()
        outs = tuple(channels[min(level, len(channels) - 1)] for level in range(len(widths) - 1))
        self.depth = len(widths)
        self.reach = self.depth - 1
        self.squeeze = _conv_block(widths[-1], outs[0], kernel=1)
        self.levels = nn.ModuleList(
            _conv_block(below + skip, out, kernel=3)
            for below, skip, out in zip((outs[0], *outs[:-1]), reversed(widths[:-1]), outs, strict=True)
        )
        outputs = len(outs) - 1 if deep_supervision else 1
        self.widths = tuple(reversed(outs))[:outputs]
        self.strides = tuple(strides)[:outputs]

    def forward(self, features: tuple[Tensor, ...]) -> Decoded:
        """Map encoder features to `(B, width, H/stride, W/stride)` each; deep is the deepest level's map."""
        *skips, deepest = features[: self.depth]
        x = self.squeeze(deepest)
        maps = []
        for level in self.levels:
            x = level(torch.cat([F.interpolate(x, scale_factor=2.0), skips.pop()], dim=1))
            maps.append(x)
        return Decoded(maps=tuple(reversed(maps))[: len(self.widths)], deep=(maps[0],))


class FullSizeDecoder(Decoder):
    """A light decoder that goes on to the image's own size, with the image as the skip of each level it adds.

    A level above the encoder's finest map has no map to join: it gets the image, averaged to the level's stride, so
    that a contour can follow the edge in the pixels.

    Args:
        widths: channels of the encoder's maps, finest first.
        strides: their strides, each twice the one before.
        deep_supervision: return every level but the deepest, not only the finest.
        channels: channels of the decoder's levels, deepest first; the last is repeated as needed.
    """

    reads_image = True

    def __init__(
        self,
        widths: Sequence[int],
        strides: Sequence[int],
        deep_supervision: bool,
        channels: Sequence[int] = (128, 64, 48, 32, 16),
    ) -> None:
        super().__init__()
        self.added = tuple(2**level for level in range(int(math.log2(strides[0]))))
        ones = (1,) * len(self.added)
        self.light = LightDecoder((*ones, *widths), (*self.added, *strides), deep_supervision, channels)
        self.widths, self.strides = self.light.widths, self.light.strides
        self.reach = len(widths) - 1

    def forward(self, features: tuple[Tensor, ...]) -> Decoded:
        """Map the image `(B, 1, H, W)` and encoder features to maps, the finest `(B, width, H, W)`."""
        image, *maps = features
        images = (F.avg_pool2d(image, stride) if stride > 1 else image for stride in self.added)
        decoded: Decoded = self.light((*images, *maps))
        return decoded


class DenseDecoder(Decoder):
    """A light decoder that also sees the image through dense convolutions of its own.

    A frozen, depthwise encoder gives it what ImageNet needed of an image; the second path, plain 3x3 convolutions with
    instance norm as in a U-Net, learns from ultrasound alone, and joins the skip of each level.

    Args:
        widths: channels of the encoder's maps, finest first.
        strides: their strides, each twice the one before.
        deep_supervision: return every level but the deepest, not only the finest.
        channels: channels of the second path, from the encoder's finest stride on; the last is repeated as needed.
    """

    reads_image = True

    def __init__(
        self,
        widths: Sequence[int],
        strides: Sequence[int],
        deep_supervision: bool,
        channels: Sequence[int] = (32, 48, 64, 96),
    ) -> None:
        super().__init__()
        own = tuple(channels[min(level, len(channels) - 1)] for level in range(len(widths) - 1))
        self.fold = strides[0]
        downs = (DownBlock(above, width, UNETPP_STYLE) for above, width in pairwise(own))
        self.path = nn.ModuleList([DoubleBlock(self.fold**2, own[0], UNETPP_STYLE), *downs])
        joined = (*(skip + width for skip, width in zip(widths, own, strict=False)), widths[-1])
        self.light = LightDecoder(joined, strides, deep_supervision)
        self.widths, self.strides = self.light.widths, self.light.strides
        self.reach = len(widths) - 1

    def forward(self, features: tuple[Tensor, ...]) -> Decoded:
        """Map the image `(B, 1, H, W)` and encoder features to `(B, width, H/stride, W/stride)` each."""
        image, *maps = features
        x = F.pixel_unshuffle(image, self.fold)  # every pixel is kept, as a channel
        joined = []
        for block, skip in zip(self.path, maps[: self.reach], strict=True):
            x = block(x)
            joined.append(torch.cat([skip, x], dim=1))
        decoded: Decoded = self.light((*joined, maps[self.reach]))
        return decoded


def _conv_block(width_in: int, width_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(width_out),
        nn.ReLU(inplace=True),
    )
