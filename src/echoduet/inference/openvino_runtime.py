"""An exported `.xml` graph with its `.bin`, run by OpenVINO on the CPU; PyTorch is not needed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.errors import ModelError
from echoduet.inference.exported import (
    CLASS_MEMBERS,
    CLASSES_SEEN,
    IMAGE,
    LESION_MEMBERS,
    LESION_SEEN,
    SEEN,
    GraphInfo,
    from_metadata,
    read_verified,
)
from echoduet.inference.onnx_runtime import readings
from echoduet.inference.runtime import Readings
from echoduet.inference.threads import usable_cores

SECTION = "echoduet"
"""Of the runtime information of a model, where a graph's metadata stand."""


class OpenvinoRuntime:
    """Runs a graph; several threads may ask, and are served one after the other."""

    name = "openvino"
    background = True

    def __init__(self, compiled: Any) -> None:
        """Serve the members' part of a graph, compiled; `open_openvino` makes it."""
        self._request = compiled.create_infer_request()
        there = {name for output in compiled.outputs for name in output.get_names()}
        self.members = next((int(output.partial_shape[1].get_length()) for output in compiled.outputs), 0)
        names = {CLASS_MEMBERS: CLASSES_SEEN, LESION_MEMBERS: LESION_SEEN}
        self._names = {whole: inside for whole, inside in names.items() if inside in there}
        self._lock = threading.Lock()

    def read(self, images: NDArray[np.uint8]) -> Readings:
        """Return what each member answers to gray images `(B, S, S)`."""
        with self._lock:
            self._request.infer({IMAGE: np.ascontiguousarray(images[:, None])})
            # Copied, since the next request writes into the same memory.
            return readings(
                {whole: self._request.get_tensor(inside).data.copy() for whole, inside in self._names.items()}
            )


def open_openvino(path: Path) -> tuple[OpenvinoRuntime, GraphInfo]:
    """Open a graph that `echoduet export` wrote.

    Raises:
        ModelError: a file is missing, altered, or no graph of ours.
    """
    import openvino  # noqa: PLC0415  # an extra

    description, weights = read_verified(path)
    core = openvino.Core()
    try:
        model = core.read_model(description, openvino.Tensor(np.frombuffer(weights, np.uint8)))
        graph = from_metadata(path, _metadata(model))
        compiled = core.compile_model(_members_only(model, graph.bundle.config.preprocess.size), "CPU", _settings())
    except RuntimeError as error:
        raise ModelError(f"{path}: is no graph that OpenVINO can run. Export it anew.") from error
    return OpenvinoRuntime(compiled), graph


def _metadata(model: Any) -> dict[str, str]:
    if not model.has_rt_info([SECTION]):
        return {}
    names = model.get_rt_info([SECTION]).value
    return {name: str(model.get_rt_info([SECTION, name]).value) for name in names}


def _members_only(model: Any, size: int) -> Any:
    """Return the part of a whole graph between the resized images and the members' readings of them as they are."""
    import openvino  # noqa: PLC0415

    tensors = {name: output for node in model.get_ops() for output in node.outputs() for name in output.get_names()}
    image = openvino.opset13.parameter([-1, 1, size, size], np.uint8, name=IMAGE)
    image.output(0).set_names({IMAGE})
    for reader in list(tensors[SEEN].get_target_inputs()):
        reader.replace_source_output(image.output(0))
    answers = [tensors[name] for name in (LESION_SEEN, CLASSES_SEEN) if name in tensors]
    return openvino.Model(answers, [image], "echoduet-members")


def _settings() -> dict[str, Any]:
    return {
        # float32 throughout: bf16 moves contours by pixels.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": usable_cores(),
    }
