"""Who is answered: headers, hosts, other sites' pages, and the token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from echoduet.errors import ConfigError

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Sent with everything: no other page may show or read this one, and nothing is taken for what it is not."""

TOKEN_VARIABLE = "ECHODUET_TOKEN"
SHORTEST_TOKEN = 16
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def page_policy(images: str = "'self'") -> dict[str, str]:
    """Return the content security policy of a page that loads nothing from elsewhere, as a header.

    Args:
        images: where pictures may come from, in the policy's own words.
    """
    return {
        "content-security-policy": f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }


def is_loopback(host: str) -> bool:
    """Tell whether an address or name leads to this machine only; of other names nobody knows."""
    try:
        return host in LOOPBACK or IPv4Address(host).is_loopback
    except ValueError:
        return False


def local_hosts(port: int) -> frozenset[str]:
    """Return what a Host header says of a server on this machine only."""
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})


def names_host(host: str, allowed: frozenset[str]) -> bool:
    """Tell whether a Host header names one of the hosts; one allowed without a port is allowed with any."""
    return host in allowed or _without_port(host) in allowed


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Tell whether a page of another site made this request; only browsers say."""
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def is_foreign_origin(headers: Mapping[str, str]) -> bool:
    """Tell whether the request comes from a page that is not of the host it goes to."""
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


class Token:
    """The secret that a client must know."""

    def __init__(self, secret: str) -> None:
        self._expected = secret.encode()

    def admits(self, authorization: str | None) -> bool:
        """Tell whether an Authorization header bears the token; takes equally long whatever it bears."""
        scheme, _, given = (authorization or "").partition(" ")
        return secrets.compare_digest(given.strip().encode(), self._expected) and scheme.lower() == "bearer"


def read_token(file: Path | None, environment: Mapping[str, str]) -> Token | None:
    """Return the token of a file, or else of the environment; None where neither has one.

    Raises:
        ConfigError: the file cannot be read, or the token is too short or has other than visible ASCII characters.
    """
    try:
        text = file.read_text(encoding="utf-8") if file else environment.get(TOKEN_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the token cannot be read. Check the file and its permissions.") from error
    if text is None:
        return None
    secret = text.strip()
    if len(secret) < SHORTEST_TOKEN or not all("!" <= c <= "~" for c in secret):
        raise ConfigError(
            f"{file or TOKEN_VARIABLE}: a token has at least {SHORTEST_TOKEN} visible ASCII characters and no space. "
            "`openssl rand -hex 32` makes one."
        )
    return Token(secret)
