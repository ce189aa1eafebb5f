"""From a bundle to a graph that is known to answer as the bundle does."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from echoduet.data.manifest import Manifest
from echoduet.errors import ModelError
from echoduet.export.calibration import digest, divide, read_pictures
from echoduet.export.doubling import copy_doubled
from echoduet.export.onnx import core_of, whole_graph, write_onnx
from echoduet.export.openvino import write_openvino
from echoduet.export.parity import require_same
from echoduet.export.quantise import METHOD, quantise
from echoduet.files import file_sha256, require_writable
from echoduet.inference.exported import SUFFIXES, Format, GraphInfo, Precision, cached_graph, parts, write_graph
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle
from echoduet.models.shipped import find_model
from echoduet.progress import Progress, silent

if TYPE_CHECKING:
    from echoduet.export.loss import Loss


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
    path = place(digest, to, out)
    require_writable(path.parent)
    network, info = load_bundle(bundle)
    core = core_of(network, info)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        write(trial, to, core, GraphInfo(info, digest))
        require_same(Predictor.of_network(network, info), Predictor.load(trial, "cpu"), path)
        write_graph(path, [part.read_bytes() for part in parts(trial)])
    return path


def export_int8(
    bundle: Path, to: Format, manifest: Manifest, out: Path | None = None, progress: Progress = silent
) -> tuple[Path, Loss]:
    """Write the graph of a bundle in eight bits, with what that loses inside; return where it is, and the loss.

    Args:
        bundle: the bundle.
        to: the format.
        manifest: some of its cases are calibrated on, the others measured on.
        out: the file; None is the user's cache.
        progress: told about each image.

    Raises:
        DataError: the cases are too few, or cannot be read.
        ModelError: as `export`.
        OutputError: the file cannot be written.
    """
    from echoduet.export.loss import measure_loss  # noqa: PLC0415  # a second, and needed for eight bits only

    source = file_sha256(bundle)
    path = place(source, to, out, "int8")
    require_writable(path.parent)  # before minutes of measuring
    division = divide(manifest)
    network, info = load_bundle(bundle)
    core, reference = core_of(network, info), Predictor.of_network(network, info)
    pictures = read_pictures(division.calibration, reference.preprocess, progress)
    quantised = quantise(core, pictures)
    if to == "onnx":  # written for how onnxruntime lays maps out
        quantised = copy_doubled(quantised)
    said = {"method": METHOD, "calibration_images": len(pictures), "calibration_sha256": digest(pictures)}
    graph = GraphInfo(info, source, "int8", said)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        write(trial, to, quantised, graph)
        loss = measure_loss(reference, Predictor.load(trial, "cpu"), division, progress)
    write(path, to, quantised, replace(graph, quantisation=said | {"loss": loss.plain()}))
    return path, loss


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


def place(source_sha256: str, to: Format, out: Path | None, precision: Precision = "float32") -> Path:
    """Return where a graph goes: `out`, or its place in the user's cache.

    Raises:
        ModelError: `out` does not end as the format does.
    """
    if out is None:
        return cached_graph(source_sha256, to, precision)
    if SUFFIXES.get(out.suffix) != to:
        suffix = next(ending for ending, name in SUFFIXES.items() if name == to)
        raise ModelError(f"--out {out}: a graph for {to} ends in {suffix}. Rename it.")
    return out


def write(path: Path, to: Format, core: onnx.ModelProto, graph: GraphInfo) -> None:
    """Write the whole graph around the members' one, and its checksums.

    Raises:
        ModelError: the format cannot hold it.
        OutputError: it cannot be written.
    """
    model = whole_graph(core, graph)
    if to == "onnx":
        write_onnx(path, model)
    else:
        write_openvino(path, model, graph)
