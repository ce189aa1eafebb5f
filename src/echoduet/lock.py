"""A folder that only one run at a time may write to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from echoduet.errors import OutputError

NAME = "lock"
"""The file that a run holds open as long as it works in the folder. It stays; only its lock counts."""


def hold(folder: Path, option: str = "--out") -> IO[bytes]:
    """Return the open file that keeps other runs out of `folder` until it is closed, or the process ends.

    Args:
        folder: a folder that exists.
        option: the option it was given with, for the messages.

    Raises:
        OutputError: another run is at work there, or it cannot be written to.
    """
    try:
        stream = (folder / NAME).open("ab")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}). Choose another {option}.") from error
    try:
        _lock(stream)
    except OSError as error:
        stream.close()
        raise OutputError(
            f"{folder}: another run is using it. Wait for its end, or choose another {option}."
        ) from error
    return stream


# The system's locks fall with the process, so that a run that was killed leaves none behind.
if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
