"""The folder of what is under way. Its files have random names, and nobody but the node's user may read them."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from echoduet.dicom.node.ledger import NAME as QUEUE
from echoduet.errors import OutputError
from echoduet.lock import NAME as LOCK

_OBJECTS, _INCOMING = "objects", "incoming"
ENVIRONMENT = "ECHODUET_SPOOL"


def default_spool() -> Path:
    """Return the folder that is used unless another is named: `$ECHODUET_SPOOL`, else one of the user's state."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "echoduet" / "node"


class Spool:
    """A spool folder: `incoming` for what is being written, `objects` for what is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def prepare(cls, folder: Path) -> Spool:
        """Make the folder, or take up that of an earlier run.

        Raises:
            OutputError: it holds something else, or cannot be used.
        """
        try:
            if folder.is_dir() and not _is_ours(folder):
                raise OutputError(f"{folder}: holds other files. Choose an empty folder as --spool.")
            for place in (folder, folder / _OBJECTS, folder / _INCOMING):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                place.chmod(0o700)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be used ({error.strerror}). Choose another --spool.") from error
        return cls(folder)

    def clear(self) -> None:
        """Remove what an earlier run never finished.

        Raises:
            OSError: it cannot be removed.
        """
        for left in (self.folder / _INCOMING).iterdir():
            left.unlink()

    def path(self, file: str) -> Path:
        """Return where a whole file lies."""
        return self.folder / _OBJECTS / file

    @property
    def free(self) -> int:
        """Bytes that are free on its disk."""
        return shutil.disk_usage(self.folder).free

    def begin(self) -> Writing:
        """Begin a file.

        Raises:
            OSError: it cannot be made.
        """
        return Writing(self.folder / _INCOMING / f"{secrets.token_hex(16)}.dcm", self.folder / _OBJECTS)

    def write(self, content: bytes) -> str:
        """Keep a file's content, on the disk when this returns, and return its name.

        Raises:
            OSError: it cannot be written.
        """
        writing = self.begin()
        try:
            writing.write(content)
            return writing.keep()
        finally:
            writing.close()

    def remove(self, files: Iterable[str]) -> None:
        """Remove files; those that are gone are no matter."""
        for file in files:
            self.path(file).unlink(missing_ok=True)

    def sweep(self, named: set[str]) -> int:
        """Remove whole files that are not among those named, and return how many."""
        stray = [path.name for path in (self.folder / _OBJECTS).iterdir() if path.name not in named]
        self.remove(stray)
        return len(stray)


def _is_ours(folder: Path) -> bool:
    return (folder / QUEUE).is_file() or {path.name for path in folder.iterdir()} <= {LOCK, _OBJECTS, _INCOMING}


class Writing:
    """A file that is being written. It is removed when closed, unless it was kept."""

    def __init__(self, path: Path, objects: Path) -> None:
        self.path = path
        self._objects = objects
        # Not `files.atomic_path`: it arrives in pieces, and nobody else may read it even for a moment.
        self._stream: BinaryIO = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b")
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """SHA-256 of what was written after `restart_digest`."""
        return self._digest.hexdigest()

    def restart_digest(self) -> None:
        """Let the digest begin here."""
        self._digest = hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Write a piece.

        Raises:
            OSError: it cannot be written.
        """
        self._stream.write(content)
        self._digest.update(content)
        self.size += len(content)

    def reading(self) -> BinaryIO:
        """Return what was written as a stream at its beginning; it stays this object's.

        Raises:
            OSError: the last of it cannot be written.
        """
        self._stream.flush()
        self._stream.seek(0)
        return self._stream

    def keep(self) -> str:
        """Put the file in its place, on the disk when this returns, and return its name.

        Raises:
            OSError: it cannot be written.
        """
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.path.replace(self._objects / self.path.name)
        folder = os.open(self._objects, os.O_RDONLY)
        try:
            os.fsync(folder)  # of the name too: the rename itself must survive a power cut
        finally:
            os.close(folder)
        return self.path.name

    def close(self) -> None:
        """Close the file, and remove it where it was not kept."""
        with suppress(OSError):  # a full disk may refuse the last bytes, which are not needed then
            self._stream.close()
        self.path.unlink(missing_ok=True)
