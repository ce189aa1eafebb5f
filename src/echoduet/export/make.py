"""From a bundle to a graph that is known to answer as the bundle does."""

from __future__ import annotations

from pathlib import Path

import onnx

from echoduet.errors import ModelError
from echoduet.export.onnx import core_of, whole_graph, write_onnx
from echoduet.export.openvino import write_openvino
from echoduet.export.parity import require_same
from echoduet.files import file_sha256
from echoduet.inference.exported import SUFFIXES, Format, GraphInfo, cached_graph
from echoduet.inference.predictor import Predictor
from echoduet.models.shipped import find_model


def export(bundle: Path, to: Format, out: Path | None = None) -> Path:
    """Write the float32 graph of a bundle, and return where it is.

    Args:
        bundle: the bundle.
        to: the format.
        out: the file; None is the user's cache, where the runtime `auto` finds it.

    Raises:
        ModelError: the bundle cannot be used, its network cannot be written as a graph, or the graph answers otherwise.
        OutputError: the file cannot be written.
    """
    digest = file_sha256(bundle)
    path = out or cached_graph(digest, to)
    require_suffix(path, to)
    core, info = core_of(bundle)
    write(path, to, core, GraphInfo(info, digest))
    require_same(Predictor.load(bundle, "cpu", runtime="torch"), Predictor.load(path, "cpu"), path)
    return path


def find_bundle(model: Path | str | None) -> Path:
    """Return the bundle that is meant.

    Raises:
        ModelError: it is not there, or is a graph already.
    """
    path = find_model(model)
    if path.suffix in SUFFIXES:
        raise ModelError(f"{path}: is an exported graph already. Give the bundle that it was made from.")
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file. Give a model bundle, .safetensors or .pth.")
    return path


def require_suffix(path: Path, to: Format) -> None:
    """Refuse a file that does not end as its format does.

    Raises:
        ModelError: says which ending fits.
    """
    if SUFFIXES.get(path.suffix) != to:
        suffix = next(ending for ending, name in SUFFIXES.items() if name == to)
        raise ModelError(f"--out {path}: a graph for {to} ends in {suffix}. Rename it.")


def write(path: Path, to: Format, core: onnx.ModelProto, graph: GraphInfo) -> None:
    """Write the whole graph around the members' one, and its checksums.

    Raises:
        ModelError: the format cannot hold it, or what writes it is not installed.
        OutputError: it cannot be written.
    """
    model = whole_graph(core, graph)
    if to == "onnx":
        write_onnx(path, model)
    else:
        write_openvino(path, model, graph)
