"""Which runtime serves a model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from echoduet.errors import ModelError
from echoduet.inference.runtime import Runtime
from echoduet.models.info import BundleInfo
from echoduet.models.shipped import find_model

Device = Literal["auto", "cpu", "cuda"]
RuntimeName = Literal["auto", "torch"]


def open_runtime(
    path: Path | str | None, device: Device = "auto", runtime: RuntimeName = "torch"
) -> tuple[Runtime, BundleInfo]:
    """Open a model with the runtime that was asked for; return it and what the bundle says about itself.

    Args:
        path: a bundle, or the name of a shipped one; None is the default one.
        device: where it answers; `auto` takes the GPU where there is one.
        runtime: what runs the network.

    Raises:
        ModelError: the model cannot be used, or there is no such device.
    """
    import torch  # noqa: PLC0415  # seconds to import

    from echoduet.inference.torch_runtime import TorchRuntime  # noqa: PLC0415
    from echoduet.models.bundle import load_bundle  # noqa: PLC0415

    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if chosen == "cuda" and not torch.cuda.is_available():
        raise ModelError("device cuda: this machine has no usable GPU. Choose cpu or auto.")
    network, info = load_bundle(find_model(path), chosen)
    return TorchRuntime(network, chosen, info.config.runtime.channels_last), info
