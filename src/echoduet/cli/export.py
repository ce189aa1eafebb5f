"""`echoduet export`: a bundle as a graph that runs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Option

from echoduet.cli.console import console_progress, emit, warn
from echoduet.cli.options import FormatOption, JsonOption, ModelOption, QuietOption
from echoduet.cli.termination import tidy_at_sigterm


def export(
    to: Annotated[Literal["onnx", "openvino"], Option("--to", help="The format.", show_default=False)],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            metavar="FILE",
            help="The file (.onnx or .xml); the user's cache, where the runtime `auto` finds it unless it is in eight "
            "bits, when left out.",
        ),
    ] = None,
    int8: Annotated[
        bool,
        Option("--int8", help="Compute in eight bits, calibrated on images of --data; the loss is told."),
    ] = False,
    data: Annotated[
        Path | None,
        Option(
            "--data", help="A data set to compare the graph with PyTorch on; needed with --int8.", show_default=False
        ),
    ] = None,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Write a model as one graph for onnxruntime or OpenVINO, preprocessing included. Research use only."""
    from echoduet.errors import ConfigError
    from echoduet.export.requirements import require_makers

    if int8 and data is None:
        raise ConfigError("--int8: needs images to calibrate on. Name a data set with --data.")
    require_makers(to)
    from echoduet.data.manifest import open_data
    from echoduet.export import make
    from echoduet.export.report import report
    from echoduet.inference.exported import parts

    bundle, progress = make.find_bundle(model), console_progress()
    manifest = None if data is None else open_data(data, format_, progress)
    result: dict[str, Any] = {}
    with tidy_at_sigterm():
        if int8 and manifest is not None:
            path, loss = make.export_int8(bundle, to, manifest, out, progress)
            result["loss"] = loss.plain()
            told = [loss.told()]
            if not loss.within_goal:
                warn(f"{path}: loses more than half a point to eight bits. Prefer the float32 graph.")
        else:
            path, told = make.export(bundle, to, out), []
    megabytes = round(sum(part.stat().st_size for part in parts(path)) / 1e6, 2)
    if manifest is not None:
        compared, written = report(bundle, path, manifest, progress)
        result["parity"], told = written, [*told, compared.told(), f"parity: {written}"]
    emit({"graph": path, "mb": megabytes, **result}, "\n".join([f"{path}: {megabytes} MB", *told]))
