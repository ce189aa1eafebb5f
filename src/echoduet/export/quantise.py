"""Convolutions in whole numbers of eight bits: half the time, at a loss that has to be measured."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from echoduet.inference.exported import SEEN

METHOD = "static; activations by their least and largest value, weights by output channel"

OPERATORS = ["Conv", "Add", "Concat", "Clip", "Relu", "Resize"]
"""What is computed in eight bits; the class head's few numbers stay in float32."""


def quantise(core: onnx.ModelProto, pictures: NDArray[np.uint8]) -> onnx.ModelProto:
    """Return the members' graph with its convolutions, and what lies between them, in eight bits.

    Args:
        core: what `trace_core` returns.
        pictures: network inputs `(N, S, S)` from which the range of every map is taken.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, _hushed():
        source, target = Path(folder) / "core.onnx", Path(folder) / "int8.onnx"
        onnx.save(core, source)
        quantize_static(
            source,
            target,
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(target)


class _Pictures:
    """Hands out one picture after the other, as onnxruntime's calibration asks for them."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        picture = next(self._left, None)
        return None if picture is None else {SEEN: picture[None, None]}


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep onnxruntime's advice about preprocessing, which was done, from the log."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
