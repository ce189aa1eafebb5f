"""Columns on disk: arrays that grow at the end and are looked at through the memory map."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from echoduet.errors import CurationError, OutputError

AT_ONCE = 4096
"""Rows copied at a time where a column is put in another order."""


class Column:
    """Rows of one shape and type, one after the other in a file of nothing else.

    How many of them count is known elsewhere: what a run that was killed left behind them is overwritten.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        """Take the file at `path`, which need not exist yet, as rows of `shape`."""
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype).newbyteorder("<")
        self._row = int(np.prod(shape)) * self.dtype.itemsize

    def write(self, start: int, chunks: Sequence[NDArray[Any]]) -> None:
        """Put chunks of rows after the first `start` rows, drop what followed them, and wait for the disk.

        Raises:
            OutputError: the file cannot be written.
        """
        rows = sum(len(chunk) for chunk in chunks)
        try:
            with self.path.open("r+b" if self.path.exists() else "w+b") as stream:
                stream.truncate(start * self._row)
                stream.truncate((start + rows) * self._row)
                self._fill(stream, start, chunks)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{self.path}: cannot be written ({reason}). Free space, or move the index.") from error

    def _fill(self, stream: BinaryIO, start: int, chunks: Sequence[NDArray[Any]]) -> None:
        for chunk in chunks:
            if chunk.any():  # zeros are there already, and take no space: most images have no overlay
                stream.seek(start * self._row)
                stream.write(np.ascontiguousarray(chunk, dtype=self.dtype).tobytes())
            start += len(chunk)

    def read(self, rows: int) -> NDArray[Any]:
        """Return the first `rows` rows, `(rows, *shape)`, read-only, through the memory map.

        Raises:
            CurationError: the file has fewer.
        """
        if rows == 0:
            return np.zeros((0, *self.shape), self.dtype)
        try:
            with self.path.open("rb") as stream:
                mapped = mmap.mmap(stream.fileno(), rows * self._row, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise CurationError(
                f"{self.path}: is missing or too short. Delete the index folder {self.path.parent}; "
                "the images are then read again."
            ) from error
        return np.frombuffer(mapped, self.dtype).reshape(rows, *self.shape)


def gathered(rows: NDArray[Any], chosen: NDArray[np.int64], folder: Path) -> NDArray[Any]:
    """Return `rows[chosen]`, through the memory map of a file in `folder` that vanishes with the process.

    Raises:
        OutputError: there is no space for it.
    """
    if len(chosen) == 0:
        return rows[:0]
    try:
        with TemporaryFile(dir=folder) as stream:
            for start in range(0, len(chosen), AT_ONCE):
                stream.write(rows[chosen[start : start + AT_ONCE]].tobytes())
                release(rows)
            stream.flush()
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error}). Free space there.") from error
    return np.frombuffer(mapped, rows.dtype).reshape(len(chosen), *rows.shape[1:])


def release(rows: NDArray[Any]) -> None:
    """Give the memory of mapped rows back; the pages are mapped again when they are looked at."""
    owner: object = rows
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
