"""Encoders: a gray image in, a tuple of feature maps out, the finest first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from echoduet.models.blocks import BatchBlock, DoubleBlock, DownBlock, InvertedResidual, SameConv, Style
from echoduet.models.pretrained import encoder_weights


class Encoder(nn.Module):
    """Base of all encoders.

    Attributes:
        widths: channels of each feature map, finest first.
        strides: by how much each is smaller than the image.
        min_side: the smallest image side that every layer can take.
    """

    widths: tuple[int, ...]
    strides: tuple[int, ...]
    min_side: int


class PlainEncoder(Encoder):
    """Levels of two convolutions with max pooling between, as in UNet++ and in nnU-Net of the paper."""

    def __init__(self, widths: tuple[int, ...], style: Style) -> None:
        super().__init__()
        self.widths = widths
        self.strides = tuple(2**level for level in range(len(widths)))
        self.min_side = 2 * self.strides[-1]  # instance norm needs more than one pixel
        downs = (DownBlock(above, width, style) for above, width in pairwise(widths))
        self.levels = nn.ModuleList([DoubleBlock(1, widths[0], style), *downs])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map `(B, 1, H, W)` in [0, 1] to one map per level, `(B, width, H/stride, W/stride)`."""
        features = []
        for level in self.levels:
            image = level(image)
            features.append(image)
        return tuple(features)


@dataclass(frozen=True, slots=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


# EfficientNet-B0's stages (Tan and Le, 2019, table 1), which the Lite family widens and deepens.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_WIDTH, _TOP_WIDTH = 32, 1280  # the Lite family scales neither
_SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite2": (1.1, 1.2)}  # width, depth
_SHALLOW = 5  # stages down to stride 16: a quarter of the weights


class EfficientNetLiteEncoder(Encoder):
    """EfficientNet-Lite 0 or 2: EfficientNet without squeeze-excite, with ReLU6.

    The image is normalised inside, `(255 x - 127) / 128`, as the ImageNet weights expect it.

    Args:
        name: `efficientnet_lite0` or `efficientnet_lite2`.
        pretrained: load the ImageNet weights.
        with_top: append the 1280-wide map that the ImageNet classifier pools; a class head gains by it.
        shallow: end at stride 16, which leaves a quarter of the weights; there is no top map then.
        drop_rate: stochastic depth of the last block; earlier blocks get proportionally less.
        frozen_blocks: so many leading blocks, and the stem with them, keep weights and statistics: most of a training
            step goes into their large maps, and what they see (edges, texture) is the same on ultrasound.
        train_depthwise: whether depthwise kernels learn; on CPUs their gradient costs more than that of all others.

    Raises:
        ModelError: the weights are wanted and their package is not installed.
    """

    def __init__(
        self,
        name: str,
        pretrained: bool = False,
        with_top: bool = True,
        drop_rate: float = 0.0,
        *,
        shallow: bool = False,
        frozen_blocks: int = 0,
        train_depthwise: bool = True,
    ) -> None:
        super().__init__()
        stages = _scaled(*_SCALES[name])[: _SHALLOW if shallow else None]
        with_top = with_top and not shallow
        self.stem = BatchBlock(1, _STEM_WIDTH, 3, stride=2)
        self.blocks = nn.ModuleList(_blocks(stages, drop_rate))
        self.top = BatchBlock(stages[-1].width, _TOP_WIDTH, 1) if with_top else None
        self.taps = _taps(stages)
        top = (_TOP_WIDTH,) if with_top else ()
        self.widths = (*(width for _, width in self.taps.values()), *top)
        self.strides = (*(stride for stride, _ in self.taps.values()), *(32,) * with_top)
        self.min_side = 32
        self.frozen_blocks = min(frozen_blocks, len(self.blocks))
        for weight in self._fixed_weights(train_depthwise):
            weight.requires_grad_(False)
        if pretrained:
            self.load_imagenet(name)

    def _fixed_weights(self, train_depthwise: bool) -> Iterator[Tensor]:
        for part in self._frozen_parts():
            yield from part.parameters()
        if not train_depthwise:
            yield from (m.weight for m in self.modules() if isinstance(m, SameConv) and m.groups > 1)

    def _frozen_parts(self) -> list[nn.Module]:
        return [self.stem, *self.blocks[: self.frozen_blocks]] if self.frozen_blocks else []

    def train(self, mode: bool = True) -> EfficientNetLiteEncoder:
        """Set the mode; frozen blocks stay in evaluation mode, so that their statistics stay too."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
        return self

    def load_imagenet(self, name: str) -> None:
        """Load the ImageNet weights of `name`.

        Raises:
            ModelError: their package is not installed.
        """
        wanted = self.state_dict()
        self.load_state_dict({key: value for key, value in encoder_weights(name).items() if key in wanted})

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map `(B, 1, H, W)` in [0, 1] to maps at strides 2, 4, 8, 16 and 32, and the top map where there is one."""
        features: list[Tensor] = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen_blocks):
            x = self.stem(image * (255.0 / 128.0) - 127.0 / 128.0)
            x = self._run(0, self.frozen_blocks, x, features)
        x = self._run(self.frozen_blocks, len(self.blocks), x, features)
        if self.top is not None:
            features.append(self.top(x))
        return tuple(features)

    def _run(self, start: int, end: int, x: Tensor, features: list[Tensor]) -> Tensor:
        """Pass `x` through the blocks `start:end`, adding the maps that are tapped to `features`."""
        for index in range(start, end):
            x = self.blocks[index](x)
            if index in self.taps:
                features.append(x)
        return x


def _scaled(width_scale: float, depth_scale: float) -> tuple[_Stage, ...]:
    # The Lite family keeps the depth of the first and last stage.
    last = len(_STAGES) - 1
    return tuple(
        _Stage(
            repeats=stage.repeats if position in (0, last) else math.ceil(depth_scale * stage.repeats),
            kernel=stage.kernel,
            stride=stage.stride,
            expansion=stage.expansion,
            width=_rounded(width_scale * stage.width),
        )
        for position, stage in enumerate(_STAGES)
    )


def _rounded(width: float, divisor: int = 8) -> int:
    # To the nearest multiple of 8, but never more than a tenth below what was asked.
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * width else rounded


def _blocks(stages: tuple[_Stage, ...], drop_rate: float) -> list[InvertedResidual]:
    total = sum(stage.repeats for stage in stages)
    blocks: list[InvertedResidual] = []
    width = _STEM_WIDTH
    for stage in stages:
        for repeat in range(stage.repeats):
            block = InvertedResidual(
                width,
                stage.width,
                expansion=stage.expansion,
                kernel=stage.kernel,
                stride=stage.stride if repeat == 0 else 1,
                drop_rate=drop_rate * len(blocks) / total,
            )
            blocks.append(block)
            width = stage.width
    return blocks


def _taps(stages: tuple[_Stage, ...]) -> dict[int, tuple[int, int]]:
    # The last block before each further halving, and the last of all: index -> (stride, width).
    taps, stride, index = {}, 2, -1
    for position, stage in enumerate(stages):
        stride *= stage.stride
        index += stage.repeats
        if position + 1 == len(stages) or stages[position + 1].stride == 2:
            taps[index] = (stride, stage.width)
    return taps
