"""Encoders of the `timm` library, the extra `echoduet[timm]`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from echoduet.errors import ModelError
from echoduet.models.encoders import Encoder

PREFIX = "timm:"
_DEEPEST = 32
_PROBE = (64, 96)  # oblong, so that a network with one fixed size is found out


class TimmEncoder(Encoder):
    """Any convolutional network of `timm` that gives a pyramid of maps, each half the one before, down to 1/32.

    The image is normalised inside with the mean and deviation that the network's weights were trained with, averaged
    over the colours. `timm` downloads ImageNet weights when they are asked for; a bundle needs none.

    Args:
        name: the network's name in `timm`, such as `resnet18`.
        pretrained: start from ImageNet weights.

    Raises:
        ModelError: timm is not installed, has no such network, cannot get its weights, or the network has no pyramid.
    """

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        self.network = _create(name, pretrained)
        self.widths = tuple(self.network.feature_info.channels())
        self.strides = tuple(self.network.feature_info.reduction())
        self.min_side = _PROBE[0]
        statistics = self.network.pretrained_cfg
        self.mean, self.deviation = _mean(statistics["mean"]), _mean(statistics["std"])
        self._require_pyramid(name)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map `(B, 1, H, W)` in [0, 1] to one map per stride, `(B, width, H/stride, W/stride)`."""
        return tuple(self.network((image - self.mean) / self.deviation))

    @torch.no_grad()
    def _require_pyramid(self, name: str) -> None:
        first = self.strides[0]
        halving = self.strides == tuple(first * 2**level for level in range(len(self.strides)))
        if not (halving and self.strides[-1] == _DEEPEST):
            strides = ", ".join(map(str, self.strides))
            raise ModelError(
                f"{PREFIX}{name}: needs maps that halve down to 1/32; its strides are {strides}. {_ADVICE}"
            )
        if self._probed() != [
            (w, _PROBE[0] // s, _PROBE[1] // s) for w, s in zip(self.widths, self.strides, strict=True)
        ]:
            raise ModelError(f"{PREFIX}{name}: does not take images of any size. {_ADVICE}")

    def _probed(self) -> list[tuple[int, ...]] | None:
        training = self.training
        try:
            return [tuple(features.shape[1:]) for features in self.eval()(torch.zeros(1, 1, *_PROBE))]
        except (AssertionError, RuntimeError):  # how timm's fixed-size networks refuse an image
            return None
        finally:
            self.train(training)


_ADVICE = "Choose a convolutional network, such as timm:resnet18."


def _create(name: str, pretrained: bool) -> Any:
    try:
        timm = import_module("timm")
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision built for another torch
        raise ModelError(
            f'{PREFIX}{name}: timm cannot be imported ({error}). Run `pip install "echoduet[timm]"`.'
        ) from error
    try:
        return timm.create_model(name, pretrained=pretrained, features_only=True, in_chans=1)
    except (RuntimeError, OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{PREFIX}{name}: timm cannot make it ({error}). See timm.list_models() for names.") from error


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)
