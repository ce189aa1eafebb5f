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
        _require_its_own(given, to, device, runtime)
        opened, graph = _open(given, to)
        return opened, graph.bundle
    if runtime in LIBRARIES:
        return _exported(given, runtime, device)
    if runtime == "auto" and not takes_gpu(device):
        for to, library in LIBRARIES.items():
            if find_spec(library) and (found := _of_this_bundle(given, to)):
                return found
    return _torch(given, device)


def _open(path: Path, to: Format) -> tuple[Runtime, GraphInfo]:
    opening: Callable[[Path], tuple[Runtime, GraphInfo]]
    if to == "onnx":
        from echoduet.inference.onnx_runtime import open_onnx as opening  # noqa: PLC0415  # an extra
    else:
        from echoduet.inference.openvino_runtime import open_openvino as opening  # noqa: PLC0415  # an extra
    return opening(path)


def _require_its_own(path: Path, to: Format, device: Device, runtime: RuntimeName) -> None:
    if runtime not in ("auto", to):
        raise ModelError(f"{path}: is a graph for the runtime {to}. Choose --runtime {to}, or give a bundle.")
    _require_cpu(to, device)


def _require_cpu(to: str, device: Device) -> None:
    if device == "cuda":
        raise ModelError(f"device cuda: the runtime {to} answers on the CPU. Choose the runtime torch, or cpu.")


def _exported(bundle: Path, to: Format, device: Device) -> tuple[Runtime, BundleInfo]:
    _require_cpu(to, device)
    found = _of_this_bundle(bundle, to)
    if found is None:
        raise ModelError(f"{bundle}: was not exported for the runtime {to} yet. Run `echoduet export --to {to}` on it.")
    return found


def _of_this_bundle(bundle: Path, to: Format) -> tuple[Runtime, BundleInfo] | None:
    """Return the runtime of the first graph at hand that is whole and was made from this bundle; None without one."""
    if not bundle.is_file():
        return None
    digest = file_sha256(bundle)
    for path in at_hand(bundle, digest, to):
        try:
            opened, graph = _open(path, to)
        except ModelError:  # damaged, or of another version: the bundle itself is still there
            continue
        if graph.source_sha256 == digest and graph.precision == "float32":
            return opened, graph.bundle
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
