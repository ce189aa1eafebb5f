"""Architectures by name, and the one function that builds a network."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.baselines import BASELINES
from echoduet.models.baselines import PREFIX as MONAI
from echoduet.models.blocks import NNUNET_STYLE, UNETPP_STYLE
from echoduet.models.decoders import DenseDecoder, FullSizeDecoder, LightDecoder, NestedDecoder, NNUNetDecoder
from echoduet.models.encoders import EfficientNetLiteEncoder, Encoder, PlainEncoder
from echoduet.models.heads import MaskGuidedClassHead, MaskHead, NestedClassHead, NNUNetClassHead, PresenceHead
from echoduet.models.multitask import MultiTaskNet
from echoduet.models.network import Network
from echoduet.models.timm_encoder import PREFIX, TimmEncoder
from echoduet.models.unet_decoder import UNetDecoder

UNETPP_WIDTHS = (24, 48, 96, 192, 384)
NNUNET_WIDTHS = (32, 64, 128, 256, 320, 320)
SHALLOW = "_shallow"
LIGHT_DECODERS = {"half": LightDecoder, "full": FullSizeDecoder, "dense": DenseDecoder, "unet": UNetDecoder}
COMPOSING = ("decoder", "class_head")  # keys that only networks made by `compose_light` have


@dataclass(frozen=True, slots=True)
class Architecture:
    """One entry of the registry.

    Attributes:
        summary: one line for `echoduet info`.
        build: makes the network; `model.pretrained` is already settled.
        has_weights: ImageNet weights exist for the encoder.
        freezable: `model.frozen_blocks` and `model.train_depthwise` mean something.
        fixed: it is its authors': keys that compose light networks do not apply.
        only: the one value of `model.tasks` that it takes; None takes every one.
    """

    summary: str
    build: Callable[[ModelConfig], Network]
    has_weights: bool = False
    freezable: bool = False
    fixed: bool = False
    only: str | None = None


def build_unetpp(config: ModelConfig) -> MultiTaskNet:
    """Build the paper's multi-task UNet++, or its single-task arms."""
    masks, classes = tasks_of(config)
    decoder = NestedDecoder(UNETPP_WIDTHS, config.deep_supervision) if masks else None
    return MultiTaskNet(
        encoder=PlainEncoder(UNETPP_WIDTHS, UNETPP_STYLE),
        decoder=decoder,
        mask_head=MaskHead(decoder.widths, decoder.strides) if decoder else None,
        class_head=NestedClassHead(UNETPP_WIDTHS, masks, config.dropout) if classes else None,
        presence_head=_presence_head(UNETPP_WIDTHS, config),
    )


def build_nnunet(config: ModelConfig) -> MultiTaskNet:
    """Build the paper's multi-task nnU-Net, or its single-task arms, with the paper's initialisation."""
    masks, classes = tasks_of(config)
    decoder = NNUNetDecoder(NNUNET_WIDTHS, config.deep_supervision) if masks else None
    network = MultiTaskNet(
        encoder=PlainEncoder(NNUNET_WIDTHS, NNUNET_STYLE),
        decoder=decoder,
        mask_head=MaskHead(decoder.widths, decoder.strides, learned=True) if decoder else None,
        class_head=NNUNetClassHead(NNUNET_WIDTHS, masks, config.dropout) if classes else None,
        presence_head=_presence_head(NNUNET_WIDTHS, config),
    )
    network.apply(_he_initialise)
    return network


def _he_initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def build_efficientnet_lite(config: ModelConfig) -> MultiTaskNet:
    """Build an EfficientNet-Lite encoder, whole or shallow, with a light decoder and a mask-guided class head."""
    _, classes = tasks_of(config)
    encoder = EfficientNetLiteEncoder(
        config.architecture.removesuffix(SHALLOW),
        config.pretrained,
        with_top=classes,
        shallow=config.architecture.endswith(SHALLOW),
        frozen_blocks=config.frozen_blocks,
        train_depthwise=config.train_depthwise,
    )
    return compose_light(encoder, config, levels=5)


def build_timm(config: ModelConfig) -> MultiTaskNet:
    """Build an encoder of `timm` with a light decoder and a mask-guided class head."""
    encoder = TimmEncoder(config.architecture.removeprefix(PREFIX), config.pretrained)
    return compose_light(encoder, config, levels=len(encoder.widths))


def compose_light(encoder: Encoder, config: ModelConfig, levels: int) -> MultiTaskNet:
    """Put a light decoder and a mask-guided class head on `encoder`; the decoder reads its first `levels` maps."""
    masks, classes = tasks_of(config)
    widths, strides = encoder.widths, encoder.strides
    guided = masks and config.class_head == "guided"
    kind = LIGHT_DECODERS[config.decoder]
    decoder = kind(widths[:levels], strides[:levels], config.deep_supervision) if masks else None
    return MultiTaskNet(
        encoder=encoder,
        decoder=decoder,
        mask_head=MaskHead(decoder.widths, decoder.strides) if decoder else None,
        class_head=MaskGuidedClassHead(widths, strides, guided, dropout=config.dropout) if classes else None,
        presence_head=_presence_head(widths, config),
    )


def _presence_head(widths: Sequence[int], config: ModelConfig) -> PresenceHead | None:
    masks, _ = tasks_of(config)
    return PresenceHead(widths[-1], config.dropout) if masks and config.presence else None


def tasks_of(config: ModelConfig) -> tuple[bool, bool]:
    """Return whether masks and whether classes are predicted."""
    return config.tasks != "classification", config.tasks != "segmentation"


ARCHITECTURES: dict[str, Architecture] = {
    "unetpp": Architecture("UNet++ of the paper, 14.9 M parameters", build_unetpp, fixed=True),
    "nnunet": Architecture("nnU-Net style network of the paper, 15.8 M parameters", build_nnunet, fixed=True),
    "efficientnet_lite0": Architecture("EfficientNet-Lite0, light decoder, 4 M", build_efficientnet_lite, True, True),
    "efficientnet_lite0_shallow": Architecture(
        "EfficientNet-Lite0 to stride 16, 1 M", build_efficientnet_lite, True, True
    ),
    "efficientnet_lite2": Architecture("EfficientNet-Lite2, light decoder, 5 M", build_efficientnet_lite, True, True),
    **{
        MONAI + name: Architecture(baseline.summary, baseline.build, fixed=True, only=baseline.task)
        for name, baseline in BASELINES.items()
    },
}


def build_network(config: ModelConfig, pretrained: bool | None = None) -> Network:
    """Build the network that `config` describes.

    Args:
        config: architecture, tasks and their options.
        pretrained: overrides `config.pretrained`; False builds without the weights package, as loading a bundle does.

    Raises:
        ModelError: the architecture is unknown, does not do the tasks asked for, lacks what is asked of it (ImageNet
            weights, another decoder, parts to freeze), would have random parts frozen, or is asked for several members.
    """
    loading = pretrained is False
    if pretrained is not None:
        config = config.model_copy(update={"pretrained": pretrained})
    return require_known(config, loading).build(config)


def require_known(config: ModelConfig, loading: bool = False) -> Architecture:
    """Return the architecture that `config` names, without building it.

    Args:
        config: architecture, tasks and their options.
        loading: whether weights are read into it, so that it needs none of its own.

    Raises:
        ModelError: as `build_network`.
    """
    architecture = _find(config.architecture)
    if config.members > 1:
        raise ModelError("model.members: each member is trained alone. Set model.members=1 and join the bundles.")
    _require_sensible_freezing(config, architecture, loading)
    _require_composable(config, architecture)
    if config.pretrained and not architecture.has_weights:
        raise ModelError(f"{config.architecture}: has no pretrained weights. Set model.pretrained=false.")
    if architecture.only not in (None, config.tasks):
        raise ModelError(f"{config.architecture}: does {architecture.only} only. Set model.tasks={architecture.only}.")
    return architecture


def _require_sensible_freezing(config: ModelConfig, architecture: Architecture, loading: bool) -> None:
    key = "model.frozen_blocks" if config.frozen_blocks else "model.train_depthwise"
    if config.frozen_blocks == 0 and config.train_depthwise:
        return
    if not architecture.freezable:
        raise ModelError(f"{key}: {config.architecture} has no such parts to freeze. Leave the key out.")
    if not (config.pretrained or loading):
        raise ModelError(f"{key}: without pretrained weights random ones would be frozen. Set model.pretrained=true.")


def _require_composable(config: ModelConfig, architecture: Architecture) -> None:
    if config.presence and architecture.only is not None:
        raise ModelError(f"{config.architecture}: has no place for a presence head. Set model.presence=false.")
    for key in COMPOSING:
        default = ModelConfig.model_fields[key].default
        if architecture.fixed and getattr(config, key) != default:
            raise ModelError(
                f"{config.architecture}: model.{key} is for networks with the light decoder. "
                f"Set model.{key}={default}, or choose another architecture."
            )


def _find(name: str) -> Architecture:
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if name.startswith(PREFIX):
        return Architecture("an encoder of timm, light decoder", build_timm, has_weights=True)
    nearest = difflib.get_close_matches(name, ARCHITECTURES, n=1, cutoff=0.0)[0]
    raise ModelError(
        f"model.architecture: there is no {name!r}; the nearest is {nearest!r}. Known: {', '.join(ARCHITECTURES)}, "
        f"{PREFIX}<name>."
    )
