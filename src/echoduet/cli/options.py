"""The options that several commands share, each spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from echoduet.cli.console import mode


def _hush(value: bool) -> bool:
    mode.quiet = mode.quiet or value
    return value


def _speak_json(value: bool) -> bool:
    mode.json = mode.json or value
    return value


_DATA_HELP = "A data-set folder, whose layout is recognised, or a manifest (.csv)."

DataArgument = Annotated[Path, Argument(metavar="DATA", help=_DATA_HELP, show_default=False)]
DataOption = Annotated[Path, Option("--data", help=_DATA_HELP, show_default=False)]
ManifestArgument = Annotated[
    Path, Argument(metavar="MANIFEST", help="A manifest (.csv), or a data-set folder.", show_default=False)
]
FormatOption = Annotated[
    str | None,
    Option(
        "--format",
        metavar="NAME",
        help="Layout of the folder, where it should not be guessed; `echoduet info` lists them.",
    ),
]
OutOption = Annotated[Path, Option("--out", help="Where the results go.", show_default=False)]
ConfigOption = Annotated[
    Path,
    Option(
        "--config",
        metavar="NAME|FILE",
        help="A shipped configuration by name, or a YAML or JSON file.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    Option(
        "--set", metavar="KEY=VALUE", help="Override a key of the configuration, as in optim.epochs=5; may be repeated."
    ),
]
FoldOption = Annotated[int | None, Option("--fold", min=0, help="Number of the fold, from 0.")]
SplitsOption = Annotated[
    Path | None,
    Option("--splits", help="A splits file (case_id,fold,part); the configuration's protocol is used when left out."),
]
ModelOption = Annotated[
    Path | None,
    Option(
        "--model",
        metavar="FILE|NAME",
        help="A trained model (.safetensors or .pth), or a shipped one by name: base, the default, or small.",
    ),
]
RuntimeOption = Annotated[
    Literal["auto", "torch", "onnx", "openvino"],
    Option(
        "--runtime",
        help="What runs the network; auto takes the fastest at hand (onnx and openvino are extras), a GPU with torch.",
    ),
]
SeedOption = Annotated[int, Option("--seed", help="Seed of everything random.")]
QuietOption = Annotated[
    bool, Option("--quiet", "-q", metavar="", is_eager=True, callback=_hush, help="Print nothing but errors.")
]
JsonOption = Annotated[
    bool,
    Option(
        "--json",
        metavar="",
        is_eager=True,
        callback=_speak_json,
        help="Print the result as one JSON object on stdout, and nothing else there.",
    ),
]
