"""Who made an instance, and the identifiers that follow: the same answer about the same source has the same UIDs."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from echoduet import __version__
from echoduet.files import file_sha256

MANUFACTURER = "EchoDuet"

NAMESPACE = uuid.UUID("6f0f1f5c-5a39-4f0e-9d0e-2b7f3c1f8a11")
"""Of all UIDs that are derived here: it must never change, or a repeated run would no longer be recognised."""

IMPLEMENTATION_CLASS = UID(f"2.25.{uuid.UUID('b1f7a3de-0c52-4a86-8d57-7e4f1c9d2a60').int}")
"""Implementation Class UID of the files that are written."""

# What differs from run to run though nothing else does.
_OF_THE_RUN = frozenset(
    (
        "SOPInstanceUID", "InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime",
        "DateOfSecondaryCapture", "TimeOfSecondaryCapture",
    )
)  # fmt: skip


class Kind(StrEnum):
    """What is created of an answer; each kind has a series of its own."""

    SEG = "seg"
    SR = "sr"
    SC = "sc"

    @property
    def series_number(self) -> int:
        """Number of the series in its study."""
        return {Kind.SEG: 9001, Kind.SR: 9002, Kind.SC: 9003}[self]

    @property
    def series_description(self) -> str:
        """What a viewer lists."""
        what = {Kind.SEG: "lesions", Kind.SR: "report", Kind.SC: "overlay"}[self]
        return f"EchoDuet {what} (research use only)"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What answered.

    Attributes:
        model: name of the bundle.
        sha256: of the bundle's file; with the name, it says which network answered.
        settings: what else decides the answer, such as thresholds, by name.
        version: of EchoDuet.
    """

    model: str
    sha256: str
    settings: tuple[tuple[str, str], ...] = ()
    version: str = __version__

    @classmethod
    def of_file(cls, bundle: Path, settings: tuple[tuple[str, str], ...] = ()) -> Algorithm:
        """Return the algorithm of a bundle's file, named as the file is.

        Raises:
            OutputError: it cannot be read.
        """
        return cls(bundle.stem, file_sha256(bundle), settings)

    @property
    def parameters(self) -> dict[str, str]:
        """Everything but name and version, in ASCII: the character set of an instance is that of its source."""
        told = {"model": self.model, "sha256": self.sha256, **dict(self.settings)}
        return {_ascii(name): _ascii(value) for name, value in told.items()}

    @property
    def key(self) -> str:
        """One text that two algorithms share if and only if they are the same."""
        return json.dumps([self.model, self.sha256, self.settings, self.version])

    @property
    def serial_number(self) -> str:
        """What stands for a device's serial number: the head of the bundle's SHA-256."""
        return self.sha256[:16]


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


def derived_uid(*parts: str) -> UID:
    """Return the UID that always follows from these texts: a name-based UUID under 2.25 (DICOM PS3.5, B.2)."""
    return UID(f"2.25.{uuid.uuid5(NAMESPACE, json.dumps(parts)).int}")


def content_uid(draft: Dataset) -> UID:
    """Return the SOP Instance UID that follows from all that an instance says, but for the times of its making.

    Two runs that answer the same make the same instance; where one pixel or digit differs, it is another one.
    """
    kept = Dataset()
    for element in draft:
        if element.keyword not in _OF_THE_RUN:
            kept.add(element)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, kept)
    return derived_uid("instance", hashlib.sha256(buffer.getvalue()).hexdigest())
