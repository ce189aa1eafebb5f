"""`echoduet node`: receive ultrasound as a DICOM node, and send what is found to the archive."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli import node_options as options
from echoduet.cli.console import emit, mode, note
from echoduet.cli.options import JsonOption, ModelOption, QuietOption, RuntimeOption

if TYPE_CHECKING:
    from echoduet.dicom.node.settings import Settings
    from echoduet.inference.runtimes import RuntimeName

app = typer.Typer(name="node", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback()
def node(
    context: typer.Context,
    send_to: options.SendToOption = None,
    aet: options.AetOption = "ECHODUET",
    port: options.PortOption = 11112,
    bind: options.BindOption = "127.0.0.1",
    allow_aet: options.AllowOption = None,
    spool: options.SpoolOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    secondary_capture: options.CaptureOption = False,
    give_up_after: options.GiveUpOption = None,
    longest_pause: options.LongestPauseOption = 600,
    keep: options.KeepOption = 0,
    keep_rows: options.KeepRowsOption = 30,
    max_associations: options.MaxAssociationsOption = 25,
    max_pdu: options.MaxPduOption = 131072,
    max_instance: options.MaxInstanceOption = 1024,
    min_free: options.MinFreeOption = 1024,
    timeout: options.TimeoutOption = 60,
    stop_within: options.StopWithinOption = 30,
    tls_cert: options.CertOption = None,
    tls_key: options.KeyOption = None,
    tls_ca: options.CaOption = None,
    send_tls: options.SendTlsOption = True,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Receive ultrasound as a DICOM node, predict it, and send segmentation and report on. Research use only."""
    if context.invoked_subcommand is not None:
        return
    _require_libraries()
    from echoduet.dicom.identity import Kind
    from echoduet.dicom.node.peers import Destination, check_aet
    from echoduet.dicom.node.settings import DAY_S, Keeping, Limits, Patience, Security, Settings, Timeouts

    settings = Settings(
        spool=_folder(spool),
        send_to=tuple(Destination.parse(text) for text in send_to or ()),
        aet=check_aet(aet, "--aet"),
        bind=bind,
        port=port,
        allow=tuple(check_aet(title, "--allow-aet") for title in allow_aet or ()),
        kinds=frozenset(Kind) if secondary_capture else frozenset({Kind.SEG, Kind.SR}),
        limits=Limits(max_associations, max_pdu, int(max_instance * 2**20), int(min_free * 2**20)),
        timeouts=Timeouts(dimse=timeout, network=timeout, stop=stop_within),
        patience=Patience(longest=longest_pause, give_up=None if give_up_after is None else give_up_after * DAY_S),
        keeping=Keeping(keep * DAY_S, keep_rows * DAY_S),
        security=Security(tls_cert, tls_key, tls_ca, send_tls),
    )  # fmt: skip
    settings.check()
    _serve(settings, model, runtime)


def _require_libraries() -> None:
    from importlib.util import find_spec

    from echoduet.errors import ConfigError

    if any(find_spec(name) is None for name in ("pydicom", "pynetdicom", "highdicom")):
        raise ConfigError("echoduet node: needs more libraries. Run `pip install 'echoduet[dicom]'`.")


def _folder(spool: Path | None) -> Path:
    from echoduet.dicom.node.spool import default_spool

    return spool or default_spool()


def _serve(settings: Settings, model: Path | None, runtime: RuntimeName) -> None:
    """Run the node until SIGTERM or SIGINT."""
    from echoduet.dicom.node.answering import load_answering
    from echoduet.dicom.node.journal import Journal
    from echoduet.dicom.node.node import Node

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    journal = Journal(least="error" if mode.quiet else "info")
    # Not the traceback: it may quote what a peer sent.
    threading.excepthook = lambda failed: journal.tell("thread_failed", "error", reason=failed.exc_type.__name__)
    predictor, algorithm = load_answering(model, runtime)
    with Node(settings, predictor, algorithm, journal) as running:
        peers = [peer.name for peer in settings.send_to]
        emit(
            {"aet": settings.aet, "address": settings.bind, "port": running.port, "send_to": peers},
            f"{settings.aet} listens on {settings.bind}:{running.port} and sends to {', '.join(peers)}",
        )
        stop.wait()


@app.command("status")
def status(
    spool: options.SpoolOption = None,
    instance: Annotated[
        str | None, typer.Option("--instance", metavar="UID", help="Show what became of this SOP instance.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Most jobs to list.")] = 20,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Show the queue of a node, whether it runs or not: jobs that are not done, and each destination."""
    from echoduet.cli.node_status import as_text
    from echoduet.dicom.node.overview import look

    overview = look(_folder(spool), limit, instance)
    emit(overview.as_dict, as_text(overview))


@app.command("retry")
def retry(
    jobs: Annotated[
        list[int] | None, typer.Argument(metavar="[JOB]...", help="Numbers of failed jobs; all when left out.")
    ] = None,
    spool: options.SpoolOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Try failed jobs again, and waiting deliveries at once; the node may be running."""
    from echoduet.dicom.node.cleaning import opened

    with opened(_folder(spool)) as cleaning:
        count = cleaning.retry(jobs or ())
    emit({"retried": count}, f"failed jobs tried again: {count}; waiting deliveries are tried at once")


@app.command("discard")
def discard(
    jobs: Annotated[list[int], typer.Argument(metavar="JOB...", help="Numbers of failed jobs.", show_default=False)],
    spool: options.SpoolOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Forget failed jobs and delete their files; the node may be running."""
    from echoduet.dicom.node.cleaning import opened

    with opened(_folder(spool)) as cleaning:
        count = cleaning.discard(jobs)
    emit({"discarded": count}, f"failed jobs discarded: {count}")


@app.command("move")
def move(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A destination, as it was named by --send-to.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one that is to get what waits for it.")],
    spool: options.SpoolOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Send what waits for one destination to another, as when an archive has moved."""
    from echoduet.dicom.node.cleaning import opened
    from echoduet.dicom.node.peers import Destination

    with opened(_folder(spool)) as cleaning:
        target = Destination.parse(new, "NEW").name
        count = cleaning.move(Destination.parse(old, "OLD").name, target)
    emit({"moved": count}, f"{count} deliveries go to {target}")
    if count:
        note(f"start the node with --send-to {target}, if it is not yet.")
