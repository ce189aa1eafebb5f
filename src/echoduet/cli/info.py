"""`echoduet info`: what is installed here, and what a trained model says about itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument

from echoduet.cli.console import emit
from echoduet.cli.options import JsonOption, QuietOption

if TYPE_CHECKING:
    from echoduet.models.info import BundleInfo

CPU_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
"""Of all that a processor lists, what decides how fast a network runs on it."""


def info(
    model: Annotated[
        Path | None, Argument(metavar="MODEL", help="A trained model to look into.", show_default=False)
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Print versions, processor, architectures, formats, shipped configurations and grids, or what a model holds."""
    if model is None:
        result = installed()
    else:
        from echoduet.models.info import read_info

        result = bundle_contents(model, read_info(model))
    emit(result, as_lines(result))


def installed() -> dict[str, Any]:
    """Return what this installation is made of, and what its options can name."""
    import torch

    from echoduet.config.presets import shipped, shipped_grids
    from echoduet.data.formats import SOURCES
    from echoduet.models.registry import ARCHITECTURES
    from echoduet.runs import environment

    here = environment()
    return {
        "versions": {"python": here["python"], **here["packages"]},
        "machine": {
            "platform": here["platform"],
            "processor": here["processor"],
            "cores": here["cores"],
            "features": cpu_features(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "architectures": {name: architecture.summary for name, architecture in ARCHITECTURES.items()},
        "formats": {name: summary_line(source) for name, source in SOURCES.items()},
        "configurations": shipped(),
        "grids": shipped_grids(),
    }


def summary_line(module: object) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (module.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def cpu_features(listing: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Return which of `CPU_FEATURES` the processor has; none where the system does not list them."""
    if not listing.is_file():
        return []
    for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(("flags", "Features")):
            present = set(line.partition(":")[2].split())
            return [feature for feature in CPU_FEATURES if feature in present]
    return []


def bundle_contents(path: Path, bundle: BundleInfo) -> dict[str, Any]:
    """Return what the bundle at `path` says about itself."""
    return {
        "model": {"file": path, "size_mb": round(path.stat().st_size / 1e6, 1), "format": bundle.format_version},
        "classes": list(bundle.classes),
        "thresholds": dict(bundle.thresholds),
        "provenance": dict(bundle.provenance),
        "config": bundle.config.model_dump(mode="json"),
    }


def as_lines(result: dict[str, Any], indent: str = "") -> str:
    """Return nested names and values as indented lines."""
    lines = []
    for name, value in result.items():
        if isinstance(value, dict) and value:
            lines.append(f"{indent}{name}\n{as_lines(value, indent + '  ')}")
        else:
            lines.append(f"{indent}{name}: {as_text(value)}")
    return "\n".join(lines)


def as_text(value: Any) -> str:
    """Return one value as it reads best in a line."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None or value == {} else str(value)
