"""Where uploads lie until they are read: in memory, or in files without a name."""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from echoduet.errors import ConfigError
from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Spool:
    """Takes the content of uploads, up to a number of bytes at a time.

    A file that outgrows the memory goes to a temporary file that has no name in any folder: it is gone when it is
    closed, and when the process ends in whatever way.

    Args:
        limits: how much it holds.
        folder: on whose disk the temporary files lie; None for the system's temporary folder.

    Raises:
        ConfigError: no file can be made in the folder.
    """

    def __init__(self, limits: Limits, folder: Path | None = None) -> None:
        self._limits = limits
        self._folder = str(folder) if folder else None
        self._lock = threading.Lock()
        self.held = 0
        if reason := self.problem():
            place = folder or tempfile.gettempdir()
            raise ConfigError(f"{place}: uploads cannot be kept there ({reason}). Name another folder with --spool.")

    def problem(self) -> str | None:
        """Return why nothing can be written to the disk, None where it can."""
        try:
            with tempfile.TemporaryFile(dir=self._folder) as probe:
                probe.write(b"\0" * 4096)
        except OSError as error:
            return error.strerror or "write error"
        return None

    def new(self) -> Spooled:
        """Return an empty file."""
        content = tempfile.SpooledTemporaryFile(self._limits.memory_bytes, dir=self._folder)  # noqa: SIM115  # kept
        return Spooled(self, cast(BinaryIO, content))

    def reserve(self, count: int) -> None:
        """Take so many bytes from what is left.

        Raises:
            RefusedError: so much is not left.
        """
        with self._lock:
            if self.held + count > self._limits.spool_bytes:
                raise RefusedError(503, "spool_full", "Too much is being uploaded at this moment. Try again later.", 10)
            self.held += count

    def release(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.held -= count


class Spooled:
    """One uploaded file; `stream` is read once it is whole."""

    def __init__(self, spool: Spool, stream: BinaryIO) -> None:
        self.stream = stream
        self.size = 0
        self._spool = spool

    def write(self, piece: bytes) -> None:
        """Add a piece.

        Raises:
            RefusedError: the spool or the disk is full.
        """
        self._spool.reserve(len(piece))
        self.size += len(piece)
        with _full_disk_told():
            self.stream.write(piece)

    def finish(self) -> None:
        """See to it that all of the content is where it can be read.

        Raises:
            RefusedError: the disk is full.
        """
        with _full_disk_told():
            self.stream.flush()

    def close(self) -> None:
        """Drop the content; closing twice does nothing."""
        size, self.size = self.size, 0
        self._spool.release(size)
        with suppress(OSError):  # of what could not be written, and is not wanted any more
            self.stream.close()


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise RefusedError(507, "disk_full", "The disk is full, so that no upload can be kept.", 60) from error
