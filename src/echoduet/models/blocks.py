"""Convolution blocks that encoders, decoders and heads are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Style:
    """How a plain block is made: convolution bias, affine instance norm, slope of the leaky ReLU."""

    bias: bool
    affine: bool
    slope: float


UNETPP_STYLE = Style(bias=True, affine=True, slope=0.1)
NNUNET_STYLE = Style(bias=False, affine=False, slope=0.01)

MOMENTUM = 0.1
"""Of batch-norm statistics. EfficientNet's published 0.01 is for a million steps: after the few thousand of a training
on ultrasound the running statistics would still be those of the start."""


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm (Ulyanov et al., 2016) that stays in the channels-last layout on CPUs.

    PyTorch's own brings such maps to the plain layout and leaves them there, so that every convolution after it runs
    in the slower layout: a training step of UNet++ takes a third longer. Batch norm of one image alone is the same.
    """

    def forward(self, input: Tensor) -> Tensor:  # the name is that of nn.InstanceNorm2d
        """Map `(B, C, H, W)` to the same shape, each channel of each image to mean 0 and variance 1."""
        if input.device.type != "cpu" or input.is_contiguous():
            return super().forward(input)
        return torch.cat([self._normalised(image) for image in torch.split(input, 1)])

    def _normalised(self, image: Tensor) -> Tensor:
        return F.batch_norm(image, None, None, self.weight, self.bias, training=True, eps=self.eps)


class Enlarge(nn.ConvTranspose2d):
    """Transposed convolution whose kernel is its stride: no two inputs touch the same output.

    So it is a 1x1 convolution to `stride`² times the channels and a rearrangement of pixels, which CPUs do several
    times faster. The parameters are those of `nn.ConvTranspose2d`.
    """

    def __init__(self, width_in: int, width_out: int, factor: int) -> None:
        super().__init__(width_in, width_out, factor, stride=factor)
        self.factor = factor

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map `(B, C, H, W)` to `(B, C', H factor, W factor)`."""
        assert output_size is None, "the size follows from the factor"
        return enlarge(input, self.weight, self.bias, self.factor)


def enlarge(features: Tensor, weight: Tensor, bias: Tensor | None, factor: int) -> Tensor:
    """Apply the transposed convolution with `weight` `(C, C', factor, factor)` and stride `factor` to `features`."""
    pixels = weight.permute(1, 2, 3, 0).flatten(0, 2)[:, :, None, None]
    spread = None if bias is None else bias.repeat_interleave(factor * factor)
    return F.pixel_shuffle(F.conv2d(features, pixels, spread), factor)


class PlainBlock(nn.Sequential):
    """Convolution 3x3, instance norm, leaky ReLU: `(B, C, H, W)` to `(B, C', H, W)`."""

    def __init__(self, width_in: int, width_out: int, style: Style) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1, bias=style.bias)
        self.norm = InstanceNorm(width_out, affine=style.affine)
        self.act = nn.LeakyReLU(style.slope, inplace=True)


class DoubleBlock(nn.Sequential):
    """Two plain blocks; `width_mid` is the width between them, that of the output by default."""

    def __init__(self, width_in: int, width_out: int, style: Style, width_mid: int | None = None) -> None:
        super().__init__()
        self.first = PlainBlock(width_in, width_mid or width_out, style)
        self.second = PlainBlock(width_mid or width_out, width_out, style)


class DownBlock(nn.Sequential):
    """Max pooling by 2, then two plain blocks: `(B, C, H, W)` to `(B, C', H/2, W/2)`."""

    def __init__(self, width_in: int, width_out: int, style: Style) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.convs = DoubleBlock(width_in, width_out, style)


class UpBlock(nn.Module):
    """Transposed convolution 2x2 of the map below, joined with the skips of its level, then two plain blocks."""

    def __init__(
        self, below: int, upsampled: int, skips: int, width_out: int, *, style: Style, width_mid: int | None = None
    ) -> None:
        super().__init__()
        self.up = Enlarge(below, upsampled, 2)
        self.convs = DoubleBlock(skips + upsampled, width_out, style, width_mid)

    def forward(self, below: Tensor, *skips: Tensor) -> Tensor:
        """Map `(B, below, H/2, W/2)` and skips of `(B, *, H, W)` to `(B, width_out, H, W)`."""
        return self.merge(self.up(below), *skips)

    def merge(self, upsampled: Tensor, *skips: Tensor) -> Tensor:
        """Do the same with a map that is upsampled already."""
        merged: Tensor = self.convs(torch.cat([*skips, upsampled], dim=1))
        return merged


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's 'same' padding, for inputs with even sides where the stride is 2.

    TensorFlow pads a strided convolution by one pixel less on the left and top than on the right and bottom; ImageNet
    weights trained there are half a pixel off under symmetric padding.
    """

    def __init__(self, width_in: int, width_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        symmetric = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(width_in, width_out, kernel, stride, symmetric, groups=groups, bias=False)
        before = (kernel - stride) // 2
        after = kernel - stride - before
        self.uneven = (before, after, before, after) if stride > 1 else None

    def forward(self, input: Tensor) -> Tensor:  # the name is that of nn.Conv2d
        """Map `(B, C, H, W)` to `(B, C', H/stride, W/stride)`."""
        if self.groups > 1 and _has_slow_gradient(input):
            with torch.autocast("cpu", enabled=False):
                return self.convolve(input.float(), self.weight).to(input.dtype)
        return self.convolve(input, self.weight)

    def convolve(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Do the same with another weight, and a bias."""
        if self.uneven:
            input = F.pad(input, self.uneven)
        return F.conv2d(input, weight, bias, self.stride, self.padding, groups=self.groups)


def _has_slow_gradient(input: Tensor) -> bool:
    # On CPUs the bfloat16 gradient of a depthwise convolution takes 3 to 10 times as long as the float32 one; leaving
    # it in float32 saves a quarter of a training step of EfficientNet-Lite0.
    return input.device.type == "cpu" and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")


class BatchBlock(nn.Sequential):
    """Convolution without bias, batch norm as EfficientNet has it, ReLU6 unless `linear`."""

    def __init__(
        self, width_in: int, width_out: int, kernel: int, stride: int = 1, *, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.conv = SameConv(width_in, width_out, kernel, stride, groups)
        self.norm = nn.BatchNorm2d(width_out, eps=1e-3, momentum=MOMENTUM)
        if not linear:
            self.act = nn.ReLU6(inplace=True)

    def forward(self, input: Tensor) -> Tensor:  # the name is that of nn.Sequential
        """Map `(B, C, H, W)` to `(B, C', H/stride, W/stride)`; the norm is folded into the convolution where it may."""
        if self.norm.training or torch.is_grad_enabled():
            out: Tensor = super().forward(input)  # type: ignore[no-untyped-call]
            return out
        # One pass over the map instead of two: maps are large where weights are small.
        out = self.conv.convolve(input, *folded(self.conv, self.norm))
        return self.act(out) if hasattr(self, "act") else out


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution that does what `conv` and then `norm` do in evaluation mode."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


class InvertedResidual(nn.Module):
    """EfficientNet-Lite's block: expand 1x1, depthwise, project 1x1, and a shortcut where shapes allow it."""

    def __init__(
        self, width_in: int, width_out: int, *, expansion: int, kernel: int, stride: int, drop_rate: float = 0.0
    ) -> None:
        super().__init__()
        inner = width_in * expansion
        self.expand = BatchBlock(width_in, inner, 1) if expansion != 1 else nn.Identity()
        self.depthwise = BatchBlock(inner, inner, kernel, stride, groups=inner)
        self.project = BatchBlock(inner, width_out, 1, linear=True)
        self.shortcut = stride == 1 and width_in == width_out
        self.drop_rate = drop_rate

    def forward(self, features: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, C', H/stride, W/stride)`."""
        out: Tensor = self.project(self.depthwise(self.expand(features)))
        if not self.shortcut:
            return out
        return features + drop_path(out, self.drop_rate if self.training else 0.0)


def drop_path(branch: Tensor, rate: float) -> Tensor:
    """Zero the branch of each image with probability `rate`, scaling the others by `1 / (1 - rate)`.

    Stochastic depth (Huang et al., 2016), called drop connect in EfficientNet.
    """
    if rate == 0.0:
        return branch
    keep = torch.empty(branch.shape[0], 1, 1, 1, dtype=branch.dtype, device=branch.device).bernoulli_(1.0 - rate)
    return branch * keep / (1.0 - rate)
