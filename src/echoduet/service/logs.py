"""One JSON object a line on stderr: what happened, never with a file's name or anything about a patient."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

LOGGER = "echoduet.service"
_FIELDS = "echoduet_fields"


class JsonLines(logging.Formatter):
    """Makes a record one line of JSON.

    Of another library's record the logger's name is kept, and the type and place of its exception. Its text is not:
    nobody vouches for what it quotes.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, _FIELDS, None)
        if fields is None:
            line |= {"event": "library", "logger": record.name}
            error = record.exc_info[1] if record.exc_info else None
            line |= describe(error) if error else {}
        else:
            line |= {"event": record.msg} | fields
        return json.dumps(line, ensure_ascii=True, allow_nan=False, default=str)


def start_logging(quiet: bool = False, stream: TextIO | None = None) -> logging.Handler:
    """Send the server's records, and uvicorn's warnings, to `stream` (stderr) as JSON lines.

    Args:
        quiet: leave out everything below an error.
        stream: where to.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in ((LOGGER, logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.ERROR if quiet else level)
    return handler


def event(name: str, level: int = logging.INFO, **fields: object) -> None:
    """Log an event with its fields."""
    logging.getLogger(LOGGER).log(level, name, extra={_FIELDS: fields})


def describe(error: BaseException) -> dict[str, object]:
    """Return type and place of an error, without its text, which may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "echoduet" in frame.filename] or frames
    place = f"{own[-1].filename.rpartition('/')[2]}:{own[-1].lineno}" if own else None
    return {"error": type(error).__name__, "place": place}
