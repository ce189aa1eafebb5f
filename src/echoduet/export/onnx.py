"""A bundle as an `.onnx` file that needs nothing beside it."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper

from echoduet.errors import ModelError
from echoduet.export.core import trace_core
from echoduet.export.whole import wrap
from echoduet.inference.exported import NOTICE, GraphInfo, to_metadata, write_graph
from echoduet.models.info import BundleInfo
from echoduet.models.network import Network
from echoduet.models.registry import tasks_of


def core_of(network: Network, info: BundleInfo) -> onnx.ModelProto:
    """Return the graph of a network's members, which `info` describes.

    Raises:
        ModelError: the network cannot be written as a graph.
    """
    masks, classes = tasks_of(info.config.model)
    return trace_core(network, info.config.preprocess.size, masks, classes)


def whole_graph(core: onnx.ModelProto, graph: GraphInfo) -> onnx.ModelProto:
    """Return the whole graph around the members' one, with what it says about itself inside."""
    model = wrap(core, graph.bundle)
    model.producer_version = graph.version
    model.doc_string = f"{graph.bundle.config.name}. {NOTICE}"
    helper.set_model_props(model, to_metadata(graph))
    return model


def write_onnx(path: Path, model: onnx.ModelProto) -> None:
    """Write a graph and its checksum, both or neither.

    Raises:
        ModelError: the graph is larger than an `.onnx` file can be (2 GB).
        OutputError: it cannot be written.
    """
    try:
        content = model.SerializeToString()
    except ValueError as error:
        raise ModelError(f"{path}: the graph is larger than 2 GB, the most that an .onnx file holds.") from error
    write_graph(path, [content])
