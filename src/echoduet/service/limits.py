"""What the prediction server takes at most: every bound, its default, and how it is set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any

from echoduet.errors import ConfigError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?|)b?", re.IGNORECASE)


def _bound(default: float, unit: str, about: str) -> Any:
    return field(default=default, metadata={"unit": unit, "about": about})


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server; each is named in `--limit NAME=VALUE`."""

    request_bytes: int = _bound(256 * 10**6, "bytes", "size of a request")
    files: int = _bound(100, "files", "files in a request")
    picture_pixels: int = _bound(25_000_000, "pixels", "size of a picture, or of a frame")
    frames: int = _bound(2_000, "frames", "frames in a file")
    sync_files: int = _bound(8, "files", "files that are answered at once; more become a job")
    sync_frames: int = _bound(16, "frames", "frames that are answered at once; more become a job")
    sync_seconds: float = _bound(60.0, "seconds", "how long a request waits for its answer before it becomes a job")
    idle_seconds: float = _bound(20.0, "seconds", "how long an upload may stand still")
    upload_seconds: float = _bound(600.0, "seconds", "how long an upload may take")
    head_seconds: float = _bound(15.0, "seconds", "how long the head of a request may take")
    uploads: int = _bound(256, "requests", "uploads at a time")
    queue: int = _bound(128, "requests", "requests accepted and not yet answered")
    memory_bytes: int = _bound(4 * 10**6, "bytes", "size up to which an uploaded file stays in memory")
    spool_bytes: int = _bound(2 * 10**9, "bytes", "uploads held at a time, in memory and on disk")
    result_bytes: int = _bound(512 * 10**6, "bytes", "results held; those already read give way first")
    keep_seconds: float = _bound(1800.0, "seconds", "how long results are kept after they were last asked for")
    rate: float = _bound(50.0, "requests a second", "steady rate of one client")
    burst: int = _bound(400, "requests", "what one client may send at once")
    drain_seconds: float = _bound(60.0, "seconds", "how long the end waits for what was accepted to be done")
    fetch_seconds: float = _bound(10.0, "seconds", "how long it then waits for results that nobody has fetched yet")


def limits_of(settings: Sequence[str]) -> Limits:
    """Return the limits with some of them set.

    Args:
        settings: each `NAME=VALUE`; bytes and pixels may end in k, M, G, Ki, Mi or Gi.

    Raises:
        ConfigError: there is no limit of that name, or the value is no positive number.
    """
    known = {bound.name: bound for bound in fields(Limits)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in known:
            raise ConfigError(f"--limit {setting}: there is no limit '{name}'. Known: {', '.join(known)}.")
        values[name] = _number(setting, value, known[name])
    return Limits(**values)


def _number(setting: str, value: str, bound: Field[Any]) -> float:
    match = _SIZE.fullmatch(value.strip())
    number = float(match[1]) * _UNITS[match[2].lower()] if match else 0.0
    if number <= 0 or (isinstance(bound.default, int) and number < 1):
        raise ConfigError(f"--limit {setting}: '{value}' is no positive number, as in {bound.name}={bound.default}.")
    return int(number) if isinstance(bound.default, int) else number


def limits_table() -> str:
    """Return every limit with its default as a table in Markdown."""
    rows = [
        f"| `{bound.name}` | {_shown(bound.default)} {bound.metadata['unit']} | {bound.metadata['about']} |"
        for bound in fields(Limits)
    ]
    return "\n".join(["| limit | default | what it bounds |", "|---|---|---|", *rows])


def _shown(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
