"""Other people's networks to compare with, from MONAI: the extra `echoduet[baselines]`.

Each is built whole, untrained, with the widths that its authors or MONAI give it, and answers one task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.blocks import MOMENTUM
from echoduet.models.network import Network
from echoduet.models.outputs import Output
from echoduet.records import CLASSES

PREFIX = "monai:"
_DEEP_OUTPUTS = 3  # of DynUNet beside the last, as nnU-Net has for six levels without the two coarsest

Task = Literal["segmentation", "classification"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """One network of MONAI.

    Attributes:
        summary: one line for `echoduet info`.
        task: the one task it answers.
        stride: what both sides of an image must be a multiple of.
        min_side: the smallest side; instance norms need more than one pixel at the deepest level.
        make: builds it from the module `monai.networks.nets`.
    """

    summary: str
    task: Task
    stride: int
    min_side: int
    make: Callable[[Any, ModelConfig], nn.Module]

    def build(self, config: ModelConfig) -> WholeNet:
        """Build the network that `config` names.

        Raises:
            ModelError: MONAI, or a package that it needs for this network, is not installed.
        """
        return WholeNet(_made(self.make, config), self.task, self.stride, self.min_side)


class WholeNet(Network):
    """A network that is not made of our parts, for one task.

    Args:
        network: maps `(B, 1, H, W)` to lesion logits `(B, 1, H, W)`, one or a list with the finest first, or to class
            logits `(B, 3)`.
        task: which of the two.
        stride: what both sides of an image must be a multiple of.
        min_side: the smallest side of an image.
    """

    def __init__(self, network: nn.Module, task: Task, stride: int, min_side: int) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self._stride, self._min_side = stride, min_side

    @property
    def stride(self) -> int:
        """What both sides of an image must be a multiple of."""
        return self._stride

    @property
    def min_side(self) -> int:
        """The smallest side of an image."""
        return self._min_side

    def forward(self, image: Tensor) -> Output:
        """Map `(B, 1, H, W)` images in [0, 1] to mask logits or class logits.

        Raises:
            ShapeError: not one channel, or a side that does not fit the network's strides.
        """
        self.require_fitting(image)
        answer = self.network(image)
        if self.task == "classification":
            return Output(mask_logits=(), class_logits=answer)
        return Output(mask_logits=(answer,) if isinstance(answer, Tensor) else tuple(answer), class_logits=None)


class UnrolledDynUNet(nn.Module):
    """The blocks of MONAI's `DynUNet`, run one after the other.

    MONAI nests them in skip layers that name each block a second time, which a safetensors file refuses, and answers
    with the deeper levels in training only. Here every block has one name, and both modes answer alike.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.downsamples = nn.ModuleList([network.input_block, *network.downsamples])
        self.bottleneck = network.bottleneck
        self.upsamples = network.upsamples
        deeper = network.deep_supervision_heads if network.deep_supervision else ()
        self.outputs = nn.ModuleList([network.output_block, *deeper])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map `(B, 1, H, W)` to lesion logits of that size, finest first."""
        skips = []
        for block in self.downsamples:
            image = block(image)
            skips.append(image)
        x = self.bottleneck(image)
        maps = []
        for block, skip in zip(self.upsamples, reversed(skips), strict=True):
            x = block(x, skip)
            maps.append(x)
        size = skips[0].shape[2:]
        levels = zip(self.outputs, reversed(maps), strict=False)  # the coarsest maps have no output
        return [_enlarged(output(features), size) for output, features in levels]


def _enlarged(logits: Tensor, size: torch.Size) -> Tensor:
    return logits if logits.shape[2:] == size else F.interpolate(logits, size)


class FinestFirst(nn.Module):
    """MONAI's `BasicUNetPlusPlus`, whose outputs run from the shallowest node to the deepest, turned round."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map `(B, 1, H, W)` to lesion logits of that size, the best informed first."""
        return list(reversed(self.network(image)))


_PLANE: dict[str, Any] = {"spatial_dims": 2, "in_channels": 1}
_MASK: dict[str, Any] = {**_PLANE, "out_channels": 1}


def _attention_unet(nets: Any, config: ModelConfig) -> nn.Module:
    return _module(nets.AttentionUnet(**_MASK, channels=(32, 64, 128, 256, 512), strides=(2, 2, 2, 2)))


def _segresnet(nets: Any, config: ModelConfig) -> nn.Module:
    return _module(nets.SegResNet(**_MASK, init_filters=32))


def _dynunet(nets: Any, config: ModelConfig) -> nn.Module:
    deep = {"deep_supervision": config.deep_supervision, "deep_supr_num": _DEEP_OUTPUTS}
    plan = {"kernel_size": [3] * 6, "strides": [1, 2, 2, 2, 2, 2], "upsample_kernel_size": [2] * 5}
    return UnrolledDynUNet(nets.DynUNet(**_MASK, **plan, **deep))


def _swinunetr(nets: Any, config: ModelConfig) -> nn.Module:
    import_module("einops")  # MONAI would only miss it at the first image
    return _module(nets.SwinUNETR(**_MASK, feature_size=24))


def _basicunetplusplus(nets: Any, config: ModelConfig) -> nn.Module:
    return FinestFirst(nets.BasicUNetPlusPlus(**_MASK, deep_supervision=config.deep_supervision))


def _densenet121(nets: Any, config: ModelConfig) -> nn.Module:
    network = nets.DenseNet121(**_PLANE, out_channels=len(CLASSES), pretrained=False)
    return _with_dropout(network, "class_layers.out", config.dropout)


def _efficientnet_b0(nets: Any, config: ModelConfig) -> nn.Module:
    network = nets.EfficientNetBN("efficientnet-b0", pretrained=False, **_PLANE, num_classes=len(CLASSES))
    network.set_submodule("_dropout", nn.Identity())  # its own, before the last layer
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = MOMENTUM
    return _with_dropout(network, "_fc", config.dropout)


def _resnet(name: str) -> Callable[[Any, ModelConfig], nn.Module]:
    def make(nets: Any, config: ModelConfig) -> nn.Module:
        # A stride of 2 in the stem, as He et al. (2016) have it; MONAI's default of 1 is for small volumes.
        shape = {"spatial_dims": 2, "n_input_channels": 1, "num_classes": len(CLASSES), "conv1_t_stride": 2}
        return _with_dropout(getattr(nets, name)(pretrained=False, **shape), "fc", config.dropout)

    return make


def _module(network: Any) -> nn.Module:
    assert isinstance(network, nn.Module)
    return network


def _with_dropout(network: Any, last: str, rate: float) -> nn.Module:
    """Put dropout before the layer named `last`, as `model.dropout` does in our own class heads."""
    network.set_submodule(last, nn.Sequential(nn.Dropout(rate), network.get_submodule(last)))
    return _module(network)


BASELINES: dict[str, Baseline] = {
    "attention_unet": Baseline("Attention U-Net, masks only, 7.9 M", "segmentation", 16, 32, _attention_unet),
    "segresnet": Baseline("SegResNet, masks only, 6.3 M", "segmentation", 8, 16, _segresnet),
    "dynunet": Baseline("DynUNet, nnU-Net's plan, masks only, 20.6 M", "segmentation", 32, 64, _dynunet),
    "swinunetr": Baseline("Swin UNETR, masks only, 6.3 M", "segmentation", 32, 64, _swinunetr),
    "basicunetplusplus": Baseline("UNet++ of MONAI, masks only, 2.4 M", "segmentation", 16, 32, _basicunetplusplus),
    "densenet121": Baseline("DenseNet-121, classes only, 7.0 M", "classification", 32, 32, _densenet121),
    "efficientnet_b0": Baseline("EfficientNet-B0, classes only, 4.0 M", "classification", 32, 32, _efficientnet_b0),
    "resnet18": Baseline("ResNet-18, classes only, 11.2 M", "classification", 32, 32, _resnet("resnet18")),
    "resnet50": Baseline("ResNet-50, classes only, 23.5 M", "classification", 32, 32, _resnet("resnet50")),
}
"""Every baseline by the name that follows `monai:`."""


def _made(make: Callable[[Any, ModelConfig], nn.Module], config: ModelConfig) -> nn.Module:
    try:
        return make(import_module("monai.networks.nets"), config)
    except (ImportError, RuntimeError) as error:  # RuntimeError: a compiled part built for another torch
        reason = str(error).partition("\n")[0].rstrip(". ")
        raise ModelError(
            f'{config.architecture}: MONAI cannot make it ({reason}). Run `pip install "echoduet[baselines]"`.'
        ) from error
