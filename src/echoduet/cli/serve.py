"""`echoduet serve`: a server that answers about pictures over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli.console import emit, mode
from echoduet.cli.options import JsonOption, ModelOption, QuietOption, RuntimeOption

if TYPE_CHECKING:
    from echoduet.service.backend import Backend
    from echoduet.service.settings import Settings

LOST = 1
"""Exit code when accepted requests were given up at the end."""


def serve(
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to answer on; other than this machine's own it needs a token."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to answer on; 0 takes a free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Holds the token that clients must send; the variable ECHODUET_TOKEN does as well."
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name under which the server is reached, as in scans.example.org; may be repeated."
        ),
    ] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A reverse proxy whose X-Forwarded headers are believed; may be repeated. Needs a token.",
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PREFIX", help="Prefix under which the proxy serves it, as in /echoduet.")
    ] = "",
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Set a limit, as in queue=32 or request_bytes=64M; may be repeated."),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="On whose disk large uploads lie; the system's temporary folder when left out."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1024, help="Pictures the network sees at a time.")] = 16,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Answer over HTTP: outlines and names lesions on what is sent, at / a viewer. Research use only."""
    import os

    from echoduet.files import file_sha256
    from echoduet.inference.predictor import Predictor
    from echoduet.models.shipped import find_model, require_unaltered, spoken_name
    from echoduet.service.backend import Backend
    from echoduet.service.limits import limits_of
    from echoduet.service.listening import address, bound
    from echoduet.service.logs import start_logging
    from echoduet.service.security import read_token
    from echoduet.service.server import serve as run
    from echoduet.service.settings import Settings, answered_hosts, require_token

    token = read_token(token_file, os.environ)
    proxies = behind_proxy or []
    require_token(host, proxies, token)
    limits = limits_of(limit or [])
    with bound(port, host) as listener:
        hosts = answered_hosts(host, listener.getsockname()[1], allowed_host or [])
        path = find_model(model)
        require_unaltered(path)
        predictor = Predictor.load(path, batch_size=batch_size, runtime=runtime)
        card = path.with_suffix(".md")
        about = (spoken_name(path), path.stem, file_sha256(path), card if card.is_file() else None)
        backend = Backend(predictor, Settings(limits, hosts, token, root_path, spool, *about))
        settings = backend.settings
        start_logging(mode.quiet)
        if runtime == "auto":
            _note_unused_graphs(path, backend)
        emit(_result(settings, address(listener, root_path), backend), _text(settings, address(listener, root_path)))
        if run(backend, listener, proxies):
            raise typer.Exit(LOST)


def _note_unused_graphs(path: Path, backend: Backend) -> None:
    """Log which graphs of the model are there and not used: PyTorch answers as well, but more slowly."""
    import logging

    from echoduet.inference.exported import at_hand
    from echoduet.inference.runtimes import LIBRARIES, takes_gpu
    from echoduet.service.logs import event

    if backend.predictor.runtime.name == "torch" and not takes_gpu("auto"):
        for to in LIBRARIES:
            for graph in at_hand(path, backend.settings.sha256, to):
                event("graph_unused", logging.WARNING, graph=graph.name)


def _result(settings: Settings, address: str, backend: Backend) -> dict[str, object]:
    runtime = backend.predictor.runtime.name
    return {"address": address, "model": settings.model, "runtime": runtime, "token": settings.token is not None}


def _text(settings: Settings, address: str) -> str:
    needs = "; clients must send the token" if settings.token else ""
    return f"serving model {settings.model} at {address} (Ctrl-C ends it{needs})"
