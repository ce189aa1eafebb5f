"""A whole graph asked as a program does that knows nothing of EchoDuet: one image in, the answer at its size out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.inference.exported import IMAGE, LESION_MAP, PROBABILITIES
from echoduet.records import CLASSES, Prediction

Ask = Callable[[NDArray[np.uint8]], dict[str, NDArray[np.float32]]]
"""Maps images `(B, 1, H, W)` to a graph's outputs by name."""


def open_plainly(path: Path) -> Ask:
    """Return what asks the graph at `path`, an `.onnx` or `.xml` file, by the library of its format alone."""
    return _onnx(path) if path.suffix == ".onnx" else _openvino(path)


def _onnx(path: Path) -> Ask:
    import onnxruntime  # noqa: PLC0415  # an extra

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda image: dict(zip(names, session.run(None, {IMAGE: image}), strict=True))


def _openvino(path: Path) -> Ask:
    import openvino  # noqa: PLC0415  # an extra

    compiled: Any = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def ask(image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        return {name: value for output, value in compiled({IMAGE: image}).items() for name in output.get_names()}

    return ask


def decide(case_id: str, outputs: dict[str, NDArray[np.float32]], threshold: float) -> Prediction:
    """Return the raw answer that a graph's outputs for one image make.

    Args:
        case_id: the image's.
        outputs: by name.
        threshold: least probability of a lesion pixel.
    """
    lesion, classes = outputs.get(LESION_MAP), outputs.get(PROBABILITIES)
    return Prediction(
        case_id,
        None if lesion is None else lesion[0, 0] >= threshold,
        None if classes is None else classes[0].astype(np.float64),
        None if classes is None else CLASSES[int(classes[0].argmax())],
    )
