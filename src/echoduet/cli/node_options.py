"""The options of `echoduet node`, in the order in which they are explained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

SendToOption = Annotated[
    list[str] | None,
    Option("--send-to", metavar="AET@HOST:PORT", help="Where results go; needed, may be repeated."),
]
AetOption = Annotated[str, Option("--aet", help="AE title of this node.")]
PortOption = Annotated[int, Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]
BindOption = Annotated[str, Option("--bind", help="Address to listen on; beyond this machine it needs --allow-aet.")]
AllowOption = Annotated[
    list[str] | None,
    Option("--allow-aet", metavar="AET", help="AE title that may call, any when left out; may be repeated."),
]
SpoolOption = Annotated[
    Path | None,
    Option(
        "--spool",
        help="Folder of what is under way; $ECHODUET_SPOOL, else ~/.local/state/echoduet/node when left out.",
    ),
]
CaptureOption = Annotated[
    bool, Option("--secondary-capture", help="Send the picture with the contour drawn in, too.")
]  # fmt: skip
GiveUpOption = Annotated[
    float | None,
    Option("--give-up-after", metavar="DAYS", min=0, help="When a delivery fails for good; never when left out."),
]
LongestPauseOption = Annotated[
    float, Option("--longest-pause", metavar="SECONDS", min=1, help="Between two attempts of a delivery.")
]
KeepOption = Annotated[
    float, Option("--keep", metavar="DAYS", min=0, help="How long files of done jobs stay in the spool.")
]
KeepRowsOption = Annotated[
    float,
    Option("--keep-rows", metavar="DAYS", min=0, help="How long done instances are known, and not predicted again."),
]
MaxAssociationsOption = Annotated[int, Option("--max-associations", min=1, max=500, help="Most at a time.")]
MaxPduOption = Annotated[
    int, Option("--max-pdu", metavar="BYTES", min=4096, max=1 << 20, help="Longest PDU that peers are asked for.")
]
MaxInstanceOption = Annotated[
    float, Option("--max-instance", metavar="MIB", min=1, help="Largest instance that is taken.")
]
MinFreeOption = Annotated[
    float, Option("--min-free", metavar="MIB", min=0, help="Nothing is taken while the spool's disk has less.")
]
TimeoutOption = Annotated[
    float, Option("--timeout", metavar="SECONDS", min=1, help="A peer that is silent for longer is given up.")
]
StopWithinOption = Annotated[
    float, Option("--stop-within", metavar="SECONDS", min=0, help="For the work at hand on SIGTERM and Ctrl-C.")
]
CertOption = Annotated[Path | None, Option("--tls-cert", help="Certificate of this node (PEM): TLS is used.")]
KeyOption = Annotated[Path | None, Option("--tls-key", help="Its private key (PEM).")]
CaOption = Annotated[
    Path | None, Option("--tls-ca", help="Certificates that those of peers must be signed by (PEM).")
]  # fmt: skip
SendTlsOption = Annotated[
    bool, Option("--send-tls/--no-send-tls", help="Send by TLS too, where TLS is used at all.")
]  # fmt: skip
