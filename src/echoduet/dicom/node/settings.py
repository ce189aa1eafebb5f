"""How a node behaves."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from echoduet.dicom.identity import Kind
from echoduet.dicom.node.peers import Destination
from echoduet.errors import ConfigError

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken in.

    Attributes:
        associations: most associations at a time.
        pdu: longest PDU that the node asks peers to send, bytes.
        instance: most bytes of one instance.
        free: bytes that must stay free on the spool's disk.
    """

    associations: int = 25
    pdu: int = 128 << 10
    instance: int = 1 << 30
    free: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        acse: for an answer about an association.
        dimse: for the answer to a request.
        network: for the next bytes of a peer, after which its association is aborted.
        connection: for a connection to an archive.
        stop: for the work at hand when the node is to stop.
    """

    acse: float = 30.0
    dimse: float = 60.0
    network: float = 60.0
    connection: float = 10.0
    stop: float = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried again.

    Attributes:
        first: pause after the first failure of a delivery, seconds; it doubles with each further one.
        longest: the longest pause, seconds.
        give_up: seconds after which a delivery counts as failed; None for never.
        attempts: how often a prediction that ended the process, or failed for no known reason, is begun.
    """

    first: float = 5.0
    longest: float = 600.0
    give_up: float | None = None
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long things are kept, in seconds.

    Attributes:
        files: of a job that is done: what was received and what was sent.
        rows: of a job that is done: that it was, by which the same instance is recognised when it comes again.
    """

    files: float = 0.0
    rows: float = 30 * DAY_S


@dataclass(frozen=True, slots=True)
class Security:
    """What TLS needs; without a certificate nothing is encrypted.

    Attributes:
        certificate: of this node, PEM, with the chain up to the root.
        key: its private key, PEM.
        authority: certificates that peers' certificates must be signed by, PEM.
        sending: whether archives are spoken to by TLS too.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    sending: bool = True

    @property
    def encrypted(self) -> bool:
        """Whether TLS is used."""
        return self.certificate is not None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides how a node behaves, but for the model.

    Attributes:
        spool: the folder that holds what is under way.
        send_to: where results go.
        aet: the node's AE title; who calls it otherwise is rejected.
        bind: address to listen on.
        port: port to listen on; 0 takes a free one.
        allow: AE titles that may call; empty for any.
        kinds: what is made of an answer.
        limits: how much is taken in.
        timeouts: how long to wait.
        patience: how often something is tried again.
        keeping: how long things are kept.
        security: what TLS needs.
    """

    spool: Path
    send_to: tuple[Destination, ...]
    aet: str = "ECHODUET"
    bind: str = "127.0.0.1"
    port: int = 11112
    allow: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset({Kind.SEG, Kind.SR})
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    patience: Patience = field(default_factory=Patience)
    keeping: Keeping = field(default_factory=Keeping)
    security: Security = field(default_factory=Security)

    def check(self) -> None:
        """Refuse settings that do not fit together.

        Raises:
            ConfigError: says which, and what to do.
        """
        if not self.send_to:
            raise ConfigError(
                "--send-to: no destination is named. Say where results go, as in --send-to PACS@10.0.0.5:104."
            )
        if len({peer.name for peer in self.send_to}) < len(self.send_to):
            raise ConfigError("--send-to: a destination is named twice. Name each once.")
        if not self.allow and not _is_loopback(self.bind):
            raise ConfigError(
                f"--bind {self.bind}: other machines could send without being asked who they are. "
                "Name the AE titles that may, by --allow-aet."
            )
        if (self.security.certificate is None) != (self.security.key is None):
            raise ConfigError("--tls-cert and --tls-key belong together. Give both or neither.")
        if self.security.authority is not None and not self.security.encrypted:
            raise ConfigError("--tls-ca: is of no use without --tls-cert and --tls-key. Give all three.")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # a name may stand for any address
