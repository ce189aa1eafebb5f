"""`echoduet export`: a bundle as a graph that runs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from echoduet.cli.console import emit
from echoduet.cli.options import JsonOption, ModelOption, QuietOption


def export(
    to: Annotated[Literal["onnx", "openvino"], Option("--to", help="The format.", show_default=False)],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            metavar="FILE",
            help="The file (.onnx or .xml); the user's cache, where the runtime `auto` finds it, when left out.",
        ),
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Write a model as one graph for onnxruntime or OpenVINO, preprocessing included. Research use only."""
    from echoduet.export.requirements import require_makers

    require_makers(to)
    from echoduet.export.make import export as make
    from echoduet.export.make import find_bundle

    path = make(find_bundle(model), to, out)
    megabytes = round(path.stat().st_size / 1e6, 2)
    emit({"graph": path, "mb": megabytes}, f"{path}: {megabytes} MB")
