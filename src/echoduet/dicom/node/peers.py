"""Application entities: how they are named, and where they are reached."""

from __future__ import annotations

import re
from dataclasses import dataclass

from echoduet.errors import ConfigError

_FORM = re.compile(r"(?P<aet>[^@]+)@(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]@\s]+):(?P<port>\d{1,5})")


def check_aet(title: str, option: str) -> str:
    """Return an AE title without the spaces around it (DICOM PS3.5, value representation AE).

    Raises:
        ConfigError: it is no AE title.
    """
    stripped = title.strip(" ")
    if not 1 <= len(stripped) <= 16 or "\\" in stripped or not (stripped.isascii() and stripped.isprintable()):
        raise ConfigError(f"{option} {title!r}: is no AE title. Give 1 to 16 ASCII characters without backslash.")
    return stripped


@dataclass(frozen=True, slots=True)
class Destination:
    """An archive that results are sent to.

    Attributes:
        aet: its AE title.
        host: name or address, an IPv6 address without brackets.
        port: its port.
    """

    aet: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, option: str = "--send-to") -> Destination:
        """Read `AET@host:port`; an IPv6 address stands in brackets.

        Args:
            text: what was given.
            option: as what it was given.

        Raises:
            ConfigError: it is not of that form.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None or not 0 < int(match["port"]) < 65536:
            raise ConfigError(
                f"{option} {text!r}: is no destination. Give it as AET@host:port, as in PACS@10.0.0.5:104."
            )
        return cls(check_aet(match["aet"], option), match["host"].strip("[]"), int(match["port"]))

    @property
    def name(self) -> str:
        """How it is written; by this it is known in the queue."""
        return f"{self.aet}@[{self.host}]:{self.port}" if ":" in self.host else f"{self.aet}@{self.host}:{self.port}"
