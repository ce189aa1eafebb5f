"""A whole graph as OpenVINO's `.xml` and `.bin`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from echoduet.errors import ModelError
from echoduet.inference.exported import GraphInfo, parts, to_metadata, write_graph
from echoduet.inference.openvino_runtime import SECTION


def write_openvino(path: Path, model: onnx.ModelProto, graph: GraphInfo) -> None:
    """Write a whole graph as `.xml`, its `.bin` beside it, and their checksums.

    Args:
        path: ends in `.xml`.
        model: the whole graph.
        graph: what it says about itself.

    Raises:
        ModelError: OpenVINO cannot take the graph.
        OutputError: the files cannot be written.
    """
    import openvino  # noqa: PLC0415  # an extra

    try:
        converted = openvino.Core().read_model(model.SerializeToString())
    except RuntimeError as error:
        raise ModelError(f"{path}: OpenVINO cannot take this network. Export it with --to onnx.") from error
    for name, value in to_metadata(graph).items():
        converted.set_rt_info(value, [SECTION, name])
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        openvino.save_model(converted, made, compress_to_fp16=False)
        write_graph(path, [part.read_bytes() for part in parts(made)])
