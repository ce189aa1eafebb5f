"""What the node tells while it runs: one JSON object a line, and nothing in it about a patient.

pynetdicom's own log quotes data sets when something goes wrong with them, so it is kept silent.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TextIO

from pynetdicom import _config

Level = Literal["info", "warning", "error"]
_LEVELS = ("info", "warning", "error")


class Journal:
    """Writes events to a stream; threads may share it."""

    def __init__(self, stream: TextIO | None = None, least: Level = "info") -> None:
        """Write events of at least level `least` to `stream`, or to stderr as it is when an event happens."""
        self._stream = stream
        self._least = least
        self._lock = threading.Lock()

    def tell(self, event: str, level: Level = "info", **fields: object) -> None:
        """Write one event.

        Args:
            event: what happened, in one word.
            level: how much it matters.
            fields: what else is known, by name; UIDs go through `short`.
        """
        if _LEVELS.index(level) < _LEVELS.index(self._least):
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "level": level, "event": event, **fields}, ensure_ascii=True, default=str)
        stream = self._stream or sys.stderr
        # Nobody may be reading any more; what was stored must be acknowledged all the same.
        with self._lock, suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()


def short(uid: str) -> str:
    """Return what stands for a UID in the log: the head of its SHA-256, the same each time."""
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


def silence_pynetdicom() -> None:
    """Keep pynetdicom from logging: its messages hold what peers sent."""
    _config.LOG_HANDLER_LEVEL = "none"
    logger = logging.getLogger("pynetdicom")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    # Without a handler of its own, logging would fall back to one that writes to stderr.
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
