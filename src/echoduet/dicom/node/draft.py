"""A data set while it arrives: it goes to the spool piece by piece, so that memory does not grow with its size."""

from __future__ import annotations

import io
from enum import StrEnum

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from echoduet.dicom.identity import IMPLEMENTATION_CLASS
from echoduet.dicom.node.settings import Limits
from echoduet.dicom.node.spool import Spool, Writing

_LOOK_EVERY = 4 << 20
"""Bytes after which the free space is looked at again."""


class Trouble(StrEnum):
    """Why a data set is not kept; the rest of it is read and thrown away, so that the sender can be told."""

    TOO_LARGE = "instance larger than is taken"
    NO_ROOM = "no room on the disk"


class Draft(io.BytesIO):
    """Stands in for the buffer that pynetdicom would collect a data set in.

    Attributes:
        writing: the file; it begins with a preamble and the transfer syntax, so that it can be read by itself.
        trouble: why it is not kept; None while all is well.
    """

    def __init__(self, spool: Spool, limits: Limits, syntax: UID) -> None:
        """Begin a file for a data set in a transfer syntax.

        Raises:
            OSError: it cannot be made.
        """
        super().__init__()
        self._spool = spool
        self._limits = limits
        self._looked = 0
        self.writing: Writing = spool.begin()
        self.trouble: Trouble | None = None
        self._check_room()
        self._put(_file_meta(syntax))
        self.writing.restart_digest()  # the same data set has the same digest, whoever wrote what is before it
        self._start = self.writing.size

    def write(self, content: bytes) -> int:  # type: ignore[override]
        """Take the next piece; what goes wrong is kept in `trouble`."""
        if self.trouble is None and self.writing.size - self._start + len(content) > self._limits.instance:
            self.trouble = Trouble.TOO_LARGE
        elif self.writing.size - self._looked > _LOOK_EVERY:
            self._check_room()
        self._put(content)
        return len(content)

    def _check_room(self) -> None:
        self._looked = self.writing.size
        if self._spool.free < self._limits.free:
            self.trouble = Trouble.NO_ROOM

    def _put(self, content: bytes) -> None:
        if self.trouble is not None:
            return
        try:
            self.writing.write(content)
        except OSError:
            self.trouble = Trouble.NO_ROOM

    def close(self) -> None:
        """Remove the file, unless it was kept."""
        self.writing.close()
        super().close()


def _file_meta(syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=False)
    return b"\0" * 128 + b"DICM" + buffer.getvalue()
