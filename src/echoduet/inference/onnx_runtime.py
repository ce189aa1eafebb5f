"""An exported `.onnx` graph, run by onnxruntime on the CPU; PyTorch is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.errors import ModelError
from echoduet.inference.exported import (
    CLASS_MEMBERS,
    IMAGE,
    LESION_MEMBERS,
    VIEWS,
    GraphInfo,
    from_metadata,
    read_verified,
)
from echoduet.inference.runtime import Readings
from echoduet.inference.threads import Lanes, usable_cores

_NOWHERE = "/nonexistent/no-external-data"
_ONLY_ERRORS = 3


class OnnxRuntime:
    """Runs a graph; several threads may ask at once."""

    name = "onnx"
    background = True

    def __init__(self, session: Any, lanes: Lanes | None = None) -> None:
        """Serve a session of onnxruntime, a batch in two halves where there are `lanes`; `open_onnx` makes both."""
        self._session = session
        self._lanes = lanes
        given = {output.name: output.shape for output in session.get_outputs()}
        self.members = next((int(given[name][1]) for name in (CLASS_MEMBERS, LESION_MEMBERS) if name in given), 0)
        self._asked = [name for name in (LESION_MEMBERS, CLASS_MEMBERS) if name in given]
        overridable = {value.name for value in session.get_overridable_initializers()}
        self._fixed = {VIEWS: np.array([1], np.int64)} if VIEWS in overridable else {}

    def read(self, images: NDArray[np.uint8]) -> Readings:
        """Return what each member answers to gray images `(B, S, S)`."""
        if self._lanes is None or len(images) < 2:
            answers = self._run(images)
        else:
            half = len(images) // 2
            pairs = zip(*self._lanes.both(self._run, images[:half], images[half:]), strict=True)
            answers = [np.concatenate(pair) for pair in pairs]
        return readings(dict(zip(self._asked, answers, strict=True)))

    def _run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        answers: list[NDArray[np.float32]] = self._session.run(self._asked, {IMAGE: images[:, None], **self._fixed})
        return answers


def readings(answers: dict[str, NDArray[np.float32]]) -> Readings:
    """Return a graph's answers `lesion_members` and `class_members`, as far as there are, as readings."""
    classes = answers.get(CLASS_MEMBERS)
    if classes is None:
        return Readings(answers.get(LESION_MEMBERS), None)
    doubled = classes.astype(np.float64)
    # In float32 they sum up to 1 but for the seventh digit.
    return Readings(answers.get(LESION_MEMBERS), doubled / doubled.sum(axis=-1, keepdims=True))


def open_onnx(path: Path) -> tuple[OnnxRuntime, GraphInfo]:
    """Open a graph that `echoduet export` wrote.

    Raises:
        ModelError: the file is missing, altered, or no graph of ours.
    """
    import onnxruntime  # noqa: PLC0415  # an extra

    (content,) = read_verified(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_ERRORS
    # Two halves of a batch side by side wait for each other once, the threads within an operator at each of hundreds
    # (docs/design/runtimes.md). The threads of either half: its own, and those that both share.
    cores = usable_cores()
    options.intra_op_num_threads = max(1, cores - 1)
    options.inter_op_num_threads = 1
    # A graph of ours is whole. One that names other files would have them read from here, where there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise ModelError(f"{path}: is no graph that onnxruntime can run. Export it anew.") from error
    lanes = Lanes() if cores > 1 else None
    return OnnxRuntime(session, lanes), from_metadata(path, session.get_modelmeta().custom_metadata_map)


def _refusals() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415

    return (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile,
            state.NotImplemented, state.RuntimeException, RuntimeError, ValueError)  # fmt: skip
