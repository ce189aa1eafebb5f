"""Looking at an instance before its receipt is acknowledged: what could never be answered is not taken."""

from __future__ import annotations

from enum import IntEnum

from pydicom.dataset import Dataset

from echoduet.data.dicom.guard import guarded
from echoduet.data.dicom.header import read_header
from echoduet.data.dicom.source import open_dicom
from echoduet.data.dicom.storage import check_kind
from echoduet.data.uploads import PictureFile
from echoduet.dicom.node.contexts import TAKEN
from echoduet.dicom.source import Source
from echoduet.errors import DicomError

_LONGEST_COMMENT = 64
"""Characters of an Error Comment (DICOM PS3.7, C.3), which is a short text."""


class Status(IntEnum):
    """Statuses of C-STORE that the node answers with (DICOM PS3.4, B.2.3)."""

    SUCCESS = 0x0000
    OUT_OF_RESOURCES = 0xA700
    MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000


class NotTakenError(Exception):
    """An instance is not taken: with which status, and why in at most 64 characters that quote nothing of it."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def inspect(file: PictureFile, sop_class: str, instance: str) -> None:
    """Refuse an instance that lacks frames or whose frames cannot be read, or to which no result could refer.

    Args:
        file: the instance.
        sop_class: what the request says that it is.
        instance: its SOP Instance UID by the request.

    Raises:
        NotTakenError: says why.
    """
    label = "the instance"
    try:
        with guarded(label):
            dataset = read_header(file, label).dataset
            _compare(dataset, sop_class, instance)
    except DicomError as error:
        raise NotTakenError(Status.CANNOT_UNDERSTAND, _reason(error, "its header cannot be read")) from error
    try:
        check_kind(dataset, label)
    except DicomError as error:
        raise NotTakenError(Status.MISMATCH, "no ultrasound image, or modality not US") from error
    try:
        source = open_dicom(file, label)
        source.require_all_frames()
        Source.of(source.dataset)
    except DicomError as error:
        raise NotTakenError(Status.CANNOT_UNDERSTAND, _reason(error, "its frames cannot be read")) from error


def _reason(error: DicomError, in_short: str) -> str:
    """Return what an error says is wrong, without what it is wrong with; `in_short` where that is too long."""
    told = str(error).partition(": ")[2].partition(". ")[0]
    return told if told and len(told) <= _LONGEST_COMMENT else in_short


def _compare(dataset: Dataset, sop_class: str, instance: str) -> None:
    if sop_class not in TAKEN:
        raise NotTakenError(Status.MISMATCH, "SOP class is not taken")
    if str(dataset.get("SOPClassUID", "")) != sop_class:
        raise NotTakenError(Status.MISMATCH, "SOP class differs from that of the request")
    if str(dataset.get("SOPInstanceUID", "")) != instance:
        raise NotTakenError(Status.MISMATCH, "SOP instance differs from that of the request")
