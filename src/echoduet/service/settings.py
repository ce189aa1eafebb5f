"""How a prediction server is set up, and what is refused before it starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from echoduet.errors import ConfigError
from echoduet.service.limits import Limits
from echoduet.service.security import TOKEN_VARIABLE, Token, is_loopback, local_hosts

_ROOT_PATH = re.compile(r"(/[\w.~-]+)*")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is set up.

    Attributes:
        limits: what it takes at most.
        hosts: names in the Host header that are answered; None answers to any.
        token: which clients must bear.
        root_path: prefix under which a proxy serves everything.
        spool: folder on whose disk uploads lie; None for the system's temporary folder.
        model: what the model is called.
        bundle: name of the model's file, which DICOM files tell.
        sha256: of the model's file; empty where it is not told.
        card: the model's card; None where there is none.
    """

    limits: Limits = field(default_factory=Limits)
    hosts: frozenset[str] | None = None
    token: Token | None = None
    root_path: str = ""
    spool: Path | None = None
    model: str = "base"
    bundle: str = "echoduet-base"
    sha256: str = ""
    card: Path | None = None

    def __post_init__(self) -> None:
        if not _ROOT_PATH.fullmatch(self.root_path):
            raise ConfigError(f"--root-path {self.root_path}: is no prefix like /echoduet, without a slash at its end.")


def require_token(host: str, proxies: Sequence[str], token: Token | None) -> None:
    """Refuse to answer other machines without a token.

    Args:
        host: address that is listened on.
        proxies: reverse proxies in front.
        token: which clients must bear.

    Raises:
        ConfigError: there is none, and other machines could ask.
    """
    if token is None and not (is_loopback(host) and not proxies):
        reason = "--behind-proxy" if proxies else f"--host {host}"
        raise ConfigError(
            f"{reason}: other machines could ask, so a token is needed. Name a file that holds one with --token-file, "
            f"or set {TOKEN_VARIABLE}; `openssl rand -hex 32` makes one."
        )


def answered_hosts(host: str, port: int, names: Sequence[str]) -> frozenset[str] | None:
    """Return which names in a Host header are answered; None for any.

    Args:
        host: address that is listened on.
        port: same.
        names: further ones, with a port or without.
    """
    if not (names or is_loopback(host)):
        return None
    own = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return local_hosts(port) | {own, *names}
