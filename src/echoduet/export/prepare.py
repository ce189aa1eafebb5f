"""The graph of a bundle made once, the first time that the bundle is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from echoduet.errors import EchoDuetError, ModelError
from echoduet.export.requirements import can_make, require_makers
from echoduet.files import file_sha256
from echoduet.inference.exported import SUFFIXES, Format, at_hand, read_verified
from echoduet.inference.runtimes import LIBRARIES, Device, RuntimeName, takes_gpu
from echoduet.models.shipped import find_model


def prepare(model: Path | str | None, runtime: RuntimeName, device: Device, tell: Callable[[str], None]) -> None:
    """Export a bundle into the user's cache, unless the runtime that will serve it finds its graph, or needs none.

    That takes seconds, once. Under `auto` nothing is lost where it cannot be done: PyTorch serves the bundle then.

    Args:
        model: as `Predictor.load`, which is called next.
        runtime: likewise.
        device: likewise.
        tell: what to say to the user.

    Raises:
        ModelError: the bundle cannot be used, or another runtime than `auto` was asked for and cannot be had.
        OutputError: that, because the cache cannot be written.
    """
    bundle, to = find_model(model), wanted(runtime)
    if to is None or bundle.suffix in SUFFIXES or not bundle.is_file() or takes_gpu(device):
        return
    if _is_there(bundle, to):
        return
    tell(f"preparing {bundle.stem} for the runtime {to}, once (--runtime torch does without)")
    try:
        _export(bundle, to)
    except EchoDuetError as error:
        if runtime != "auto":
            raise
        tell(f"not prepared: {error}")


def wanted(runtime: RuntimeName) -> Format | None:
    """Return the format that a runtime reads; for `auto` the fastest that can be made and run here, if any."""
    if runtime == "torch":
        return None
    if runtime != "auto":
        return runtime
    return next((to for to in LIBRARIES if can_make(to)), None)


def _is_there(bundle: Path, to: Format) -> bool:
    for path in at_hand(bundle, file_sha256(bundle), to):
        try:
            read_verified(path)
        except ModelError:  # damaged: it is made again
            continue
        return True
    return False


def _export(bundle: Path, to: Format) -> None:
    require_makers(to)
    from echoduet.export.make import export  # noqa: PLC0415  # seconds to import, and extras

    export(bundle, to)
