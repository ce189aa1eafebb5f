"""What keeps a hostile or damaged file from doing harm: limits, silence, and one error for all that goes wrong."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import SubprocessError
from typing import BinaryIO

from pydicom.errors import BytesLengthException, InvalidDicomError

from echoduet.data.quiet import without_warnings
from echoduet.errors import DicomError, EchoDuetError

HEADER_BYTES = 16 << 20
"""Most bytes of a header that are taken into memory."""

HEADER_READS = 200_000
"""Most reads of a header: a few thousand elements, each of two or three, are much."""

VALUE_BYTES = 256 << 10
"""Longest value of a header that is kept; what is longer (private volumes) is skipped."""

CONVERTED_BYTES = 1 << 20
"""Most bytes of text and numbers that are converted: as Python objects they take a hundred and fifty times as many."""

INFLATED_BYTES = 256 << 20
"""Most bytes that a deflated file may become; it is the one kind that is taken into memory whole."""

# What pydicom and its decoders raise on damaged files.
DAMAGE = (
    OSError,
    SyntaxError,  # Pillow's word for a damaged file
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,  # RecursionError and NotImplementedError included
    AssertionError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    SubprocessError,
    BytesLengthException,
    InvalidDicomError,
)


@contextmanager
def guarded(label: str, what: str = "is damaged") -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence; keep its warnings and log, which quote the file, to itself.

    Raises:
        DicomError: `what` went wrong with `label`.
    """
    # Its records still reach a handler that somebody puts on pydicom's own logger.
    logging.getLogger("pydicom").propagate = False
    try:
        with without_warnings():
            yield
    except EchoDuetError:
        raise
    except FileNotFoundError as error:
        raise DicomError(f"{label}: is missing. Restore the file.") from error
    except DAMAGE:
        # `from None`: the cause quotes values of the header, and must not stand in a traceback either.
        raise DicomError(f"{label}: {what}. Restore the file from its source, or export it again.") from None


class Metered:
    """A stream that gives out no more than a header may hold, and never asks for more memory than it has bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.size = size
        self._bytes = HEADER_BYTES
        self._reads = HEADER_READS
        self.name = ""

    @property
    def spent(self) -> bool:
        """Whether more was asked for than a header may hold."""
        return self._bytes < 0 or self._reads < 0

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes.

        Raises:
            OverflowError: a header does not hold so much.
        """
        left = max(0, self.size - self._stream.tell())
        wanted = left if size < 0 else min(size, left)
        self._bytes -= wanted
        self._reads -= 1
        if self.spent:
            raise OverflowError("the header is too large")
        return self._stream.read(wanted)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell()


def stream_size(stream: BinaryIO) -> int:
    """Return how many bytes a stream has, and leave it at its beginning."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def inflate(content: bytes, label: str) -> bytes:
    """Return raw deflated bytes inflated, up to a limit.

    Raises:
        DicomError: they become more than `INFLATED_BYTES`, or end early.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(content, INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise DicomError(f"{label}: inflates to more than {INFLATED_BYTES >> 20} MiB. Export it without deflation.")
    if not inflater.eof:
        raise DicomError(f"{label}: ends early. Restore the file from its source.")
    return inflated
