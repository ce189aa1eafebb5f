"""Which runtime serves a model.

`auto` takes the fastest at hand: a graph that was exported from this very bundle, which lies beside it or in the user's
cache, run by onnxruntime or OpenVINO; else PyTorch. A GPU is PyTorch's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from echoduet.errors import ModelError
from echoduet.files import file_sha256
from echoduet.inference.exported import SUFFIXES, Format, GraphInfo, at_hand
from echoduet.inference.runtime import Runtime
from echoduet.models.info import BundleInfo
from echoduet.models.shipped import find_model

Device = Literal["auto", "cpu", "cuda"]
RuntimeName = Literal["auto", "torch", "onnx", "openvino"]

LIBRARIES: dict[Format, str] = {"onnx": "onnxruntime", "openvino": "openvino"}
"""What runs a graph, the faster first (docs/design/runtimes.md)."""

_DRIVERS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd")


def open_runtime(
    path: Path | str | None, device: Device = "auto", runtime: RuntimeName = "auto"
) -> tuple[Runtime, BundleInfo]:
    """Open a model with the runtime that was asked for; return it and what the bundle says about itself.

    Args:
        path: a bundle, an exported graph (.onnx or .xml), or the name of a shipped bundle; None is the default one.
        device: where it answers; `auto` takes the GPU where there is one.
        runtime: what runs the network.

    Raises:
        ModelError: the model cannot be used, or there is no such device, or nothing for this runtime to run.
    """
    given = find_model(path)
    if to := SUFFIXES.get(given.suffix):
        if runtime not in ("auto", to):
            raise ModelError(f"{given}: is a graph for the runtime {to}. Choose that one, or give a bundle.")
        _require_cpu(to, device)
        opened, graph = _open(given, to)
        return opened, graph.bundle
    if runtime in LIBRARIES:
        _require_cpu(runtime, device)
        return _exported(given, runtime)
    return (None if runtime == "torch" or takes_gpu(device) else _at_hand(given)) or _torch(given, device)


def _require_cpu(to: Format, device: Device) -> None:
    if device == "cuda":
        raise ModelError(f"device cuda: the runtime {to} answers on the CPU. Choose the runtime torch, or cpu.")


def _open(path: Path, to: Format) -> tuple[Runtime, GraphInfo]:
    _require_library(to)
    opening: Callable[[Path], tuple[Runtime, GraphInfo]]
    if to == "onnx":
        from echoduet.inference.onnx_runtime import open_onnx as opening  # noqa: PLC0415  # an extra
    else:
        from echoduet.inference.openvino_runtime import open_openvino as opening  # noqa: PLC0415  # an extra
    return opening(path)


def _require_library(to: Format) -> None:
    if find_spec(LIBRARIES[to]) is None:
        raise ModelError(f"The runtime {to} needs {LIBRARIES[to]}. Run `pip install 'echoduet[{to}]'`.")


def _exported(bundle: Path, to: Format) -> tuple[Runtime, BundleInfo]:
    """Return the runtime of the float32 graph at hand that was made from this very bundle."""
    _require_library(to)
    if not bundle.is_file():
        raise ModelError(f"{bundle}: there is no such file. Give a model bundle, .safetensors or .pth.")
    digest = file_sha256(bundle)
    trouble = ModelError(f"{bundle}: was not exported for the runtime {to} yet. Run `echoduet export --to {to}` on it.")
    for path in at_hand(bundle, digest, to):
        try:
            opened, graph = _open(path, to)
        except ModelError as error:  # damaged, or of another version: there may be a whole one in the cache
            trouble = error
            continue
        if graph.source_sha256 == digest and graph.precision == "float32":
            return opened, graph.bundle
    raise trouble


def _at_hand(bundle: Path) -> tuple[Runtime, BundleInfo] | None:
    """Return the fastest runtime for which there is a graph that is whole; None without one."""
    for to in LIBRARIES:
        try:
            return _exported(bundle, to)
        except ModelError:  # not installed, not exported, damaged, or of another version: the bundle itself is there
            continue
    return None


def takes_gpu(device: Device) -> bool:
    """Tell whether `device` means a GPU on this machine; PyTorch, slow to import, is asked where there may be one."""
    may_be = sys.platform == "win32" or any(Path(driver).exists() for driver in _DRIVERS)
    if device != "auto" or not may_be:
        return device == "cuda"
    import torch  # noqa: PLC0415

    return torch.cuda.is_available()


def _torch(path: Path, device: Device) -> tuple[Runtime, BundleInfo]:
    import torch  # noqa: PLC0415  # seconds to import

    from echoduet.inference.torch_runtime import TorchRuntime  # noqa: PLC0415
    from echoduet.models.bundle import load_bundle  # noqa: PLC0415

    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if chosen == "cuda" and not torch.cuda.is_available():
        raise ModelError("device cuda: this machine has no usable GPU. Choose cpu or auto.")
    network, info = load_bundle(path, chosen)
    return TorchRuntime(network, chosen, info.config.runtime.channels_last), info
