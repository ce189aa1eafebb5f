"""`echoduet node`: receive ultrasound as a DICOM node, and send what is found to the archive."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli.console import emit, mode, note
from echoduet.cli.options import JsonOption, ModelOption, QuietOption

if TYPE_CHECKING:
    from echoduet.dicom.node.settings import Settings

SpoolOption = Annotated[
    Path | None,
    typer.Option(
        "--spool",
        help="Folder of what is under way; $ECHODUET_SPOOL, else ~/.local/state/echoduet/node when left out.",
    ),
]

app = typer.Typer(name="node", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback()
def node(
    context: typer.Context,
    send_to: Annotated[
        list[str] | None,
        typer.Option("--send-to", metavar="AET@HOST:PORT", help="Where results go; needed, may be repeated."),
    ] = None,
    aet: Annotated[str, typer.Option("--aet", help="AE title of this node.")] = "ECHODUET",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 11112,
    bind: Annotated[
        str, typer.Option("--bind", help="Address to listen on; beyond this machine it needs --allow-aet.")
    ] = "127.0.0.1",
    allow_aet: Annotated[
        list[str] | None,
        typer.Option("--allow-aet", metavar="AET", help="AE title that may call, any when left out; may be repeated."),
    ] = None,
    spool: SpoolOption = None,
    model: ModelOption = None,
    secondary_capture: Annotated[
        bool, typer.Option("--secondary-capture", help="Send the picture with the contour drawn in, too.")
    ] = False,
    give_up_after: Annotated[
        float | None,
        typer.Option(
            "--give-up-after", metavar="DAYS", min=0, help="Deliveries fail after so long; never when left out."
        ),
    ] = None,
    longest_pause: Annotated[
        float, typer.Option("--longest-pause", metavar="SECONDS", min=1, help="Between two attempts of a delivery.")
    ] = 600,
    keep: Annotated[
        float, typer.Option("--keep", metavar="DAYS", min=0, help="How long files of done jobs stay in the spool.")
    ] = 0,
    keep_rows: Annotated[
        float,
        typer.Option("--keep-rows", metavar="DAYS", min=0, help="How long done instances are known, and not redone."),
    ] = 30,
    max_associations: Annotated[
        int, typer.Option("--max-associations", min=1, max=500, help="Most associations at a time.")
    ] = 25,
    max_pdu: Annotated[
        int, typer.Option("--max-pdu", metavar="BYTES", min=4096, max=1 << 20, help="Longest PDU that is asked for.")
    ] = 131072,
    max_instance: Annotated[
        float, typer.Option("--max-instance", metavar="MIB", min=1, help="Largest instance that is taken.")
    ] = 1024,
    min_free: Annotated[
        float, typer.Option("--min-free", metavar="MIB", min=0, help="Nothing is taken when the disk has less.")
    ] = 1024,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="A peer silent for longer is given up.")
    ] = 60,
    stop_within: Annotated[
        float, typer.Option("--stop-within", metavar="SECONDS", min=0, help="For the work at hand on SIGTERM.")
    ] = 30,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Certificate of this node (PEM): TLS is used.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key (PEM).")] = None,
    tls_ca: Annotated[
        Path | None, typer.Option("--tls-ca", help="Certificates that those of peers must be signed by (PEM).")
    ] = None,
    send_tls: Annotated[
        bool, typer.Option("--send-tls/--no-send-tls", help="Send by TLS too, where TLS is used at all.")
    ] = True,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Receive ultrasound as a DICOM node, predict it, and send segmentation and report on. Research use only."""
    if context.invoked_subcommand is not None:
        return
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
        patience=Patience(
            longest=longest_pause, give_up=None if give_up_after is None else give_up_after * DAY_S
        ),
        keeping=Keeping(keep * DAY_S, keep_rows * DAY_S),
        security=Security(tls_cert, tls_key, tls_ca, send_tls),
    )  # fmt: skip
    settings.check()
    _serve(settings, model)


def _folder(spool: Path | None) -> Path:
    from echoduet.dicom.node.spool import default_spool

    return spool or default_spool()


def _serve(settings: Settings, model: Path | None) -> None:
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
    predictor, algorithm = load_answering(model)
    with Node(settings, predictor, algorithm, journal) as running:
        peers = [peer.name for peer in settings.send_to]
        emit(
            {"aet": settings.aet, "address": settings.bind, "port": running.port, "send_to": peers},
            f"{settings.aet} listens on {settings.bind}:{running.port} and sends to {', '.join(peers)}",
        )
        stop.wait()


@app.command("status")
def status(
    spool: SpoolOption = None,
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
    spool: SpoolOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Try failed jobs again, and waiting deliveries at once; the node may be running."""
    from echoduet.dicom.node.cleaning import opened

    with opened(_folder(spool)) as cleaning:
        count = cleaning.retry(jobs or ())
    emit({"retried": count}, f"{count} failed jobs are tried again; waiting deliveries are tried at once")


@app.command("discard")
def discard(
    jobs: Annotated[list[int], typer.Argument(metavar="JOB...", help="Numbers of failed jobs.", show_default=False)],
    spool: SpoolOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Forget failed jobs and delete their files; the node may be running."""
    from echoduet.dicom.node.cleaning import opened

    with opened(_folder(spool)) as cleaning:
        count = cleaning.discard(jobs)
    emit({"discarded": count}, f"{count} failed jobs discarded")


@app.command("move")
def move(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A destination, as it was named by --send-to.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one that is to get what waits for it.")],
    spool: SpoolOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Send what waits for one destination to another, as when an archive has moved."""
    from echoduet.dicom.node.cleaning import opened
    from echoduet.dicom.node.peers import Destination

    with opened(_folder(spool)) as cleaning:
        count = cleaning.move(old, Destination.parse(new).name)
    emit({"moved": count}, f"{count} deliveries go to {new}")
    if count:
        note(f"start the node with --send-to {new}, if it is not yet.")
