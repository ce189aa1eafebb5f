"""A decoder that is a whole U-Net of its own, beside a pretrained encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from echoduet.models.blocks import UNETPP_STYLE, DoubleBlock, DownBlock, UpBlock
from echoduet.models.decoders import Decoder
from echoduet.models.outputs import Decoded


class UNetDecoder(Decoder):
    """A U-Net (Ronneberger et al., 2015) that sees the image itself, and the encoder's maps from their strides on.

    Down and up again it has two dense 3x3 convolutions with instance norm a level, from the image's own size to the
    encoder's deepest stride. What ImageNet knows joins each level's own map, for the skip and for the level below.

    Args:
        widths: channels of the encoder's maps, finest first.
        strides: their strides, each twice the one before.
        deep_supervision: return every level but the deepest two, not only the finest.
        channels: channels of the U-Net's levels, finest first; the last is repeated as needed.
    """

    reads_image = True

    def __init__(
        self,
        widths: Sequence[int],
        strides: Sequence[int],
        deep_supervision: bool,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
    ) -> None:
        super().__init__()
        self.min_side = 2 * strides[-1]  # instance norm needs more than one pixel
        self.added = int(math.log2(strides[0]))
        depth = self.added + len(strides)
        own = [channels[min(level, len(channels) - 1)] for level in range(depth)]
        joined = [width + given for width, given in zip(own, (*(0,) * self.added, *widths), strict=True)]
        downs = (DownBlock(above, width, UNETPP_STYLE) for above, width in zip(joined, own[1:], strict=False))
        self.downs = nn.ModuleList([DoubleBlock(1, own[0], UNETPP_STYLE), *downs])
        below = [*own[1:-1], joined[-1]]
        self.ups = nn.ModuleList(
            UpBlock(deeper, width, skip, width, style=UNETPP_STYLE)
            for deeper, skip, width in zip(below, joined, own, strict=False)
        )
        outputs = depth - 2 if deep_supervision else 1
        self.widths = tuple(own[:outputs])
        self.strides = tuple(2**level for level in range(outputs))
        self.reach = len(widths) - 1

    def forward(self, features: tuple[Tensor, ...]) -> Decoded:
        """Map the image `(B, 1, H, W)` and encoder features to `(B, width, H/stride, W/stride)` each."""
        x, *maps = features
        joined = []
        for level, down in enumerate(self.downs):
            x = down(x)
            if level >= self.added:
                x = torch.cat([x, maps[level - self.added]], dim=1)
            joined.append(x)
        decoded = []
        x = joined.pop()
        for up in reversed(self.ups):
            x = up(x, joined.pop())
            decoded.append(x)
        return Decoded(maps=tuple(reversed(decoded))[: len(self.widths)], deep=(decoded[0],))
