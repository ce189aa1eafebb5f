"""What every created instance has in common: its maker, its series, its UIDs, and whose it is."""

from __future__ import annotations

import io
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from echoduet.data.dicom.guard import guarded
from echoduet.data.quiet import without_warnings
from echoduet.dicom.identity import IMPLEMENTATION_CLASS, MANUFACTURER, Algorithm, Kind, content_uid, derived_uid
from echoduet.dicom.source import PATIENT_AND_STUDY, Source

_UNIDENTIFIED = UID("2.25.0")  # until the whole content is known


def series_uid(source: Source, algorithm: Algorithm, kind: Kind) -> UID:
    """Return the series of what one algorithm creates of one kind from one source series."""
    return derived_uid("series", source.study, source.series, algorithm.key, kind)


def maker(source: Source, algorithm: Algorithm, kind: Kind, number: int) -> dict[str, Any]:
    """Return the arguments that every class of highdicom takes."""
    return {
        "series_instance_uid": series_uid(source, algorithm, kind),
        "series_number": kind.series_number,
        "series_description": kind.series_description,
        "sop_instance_uid": _UNIDENTIFIED,
        "instance_number": number,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": "EchoDuet",
        "software_versions": algorithm.version,
        "device_serial_number": algorithm.serial_number,
        "transfer_syntax_uid": ExplicitVRLittleEndian,
    }


def completed(draft: Dataset, source: Source) -> Dataset:
    """Return a draft with its UID, and the patient and study of its source.

    The draft was made of the source's stand-in. What it says is complete but for these, and is changed by no other.

    Raises:
        DicomError: patient or study of the source cannot be copied.
    """
    source.restate_class(draft)
    for equipment in draft.get("ContributingEquipmentSequence", ()):
        equipment.pop("ContributionDateTime", None)  # the time is told once, and no UID is to depend on it
    draft.SOPInstanceUID = content_uid(draft)
    draft.file_meta.MediaStorageSOPInstanceUID = draft.SOPInstanceUID
    draft.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS
    draft.file_meta.ImplementationVersionName = "ECHODUET"
    with guarded(f"instance {source.instance}", "its patient and study cannot be copied"):
        _adopt(draft, source.dataset)
        # Written and read once: what is returned is what a receiver reads, and what cannot be encoded shows here.
        return dcmread(io.BytesIO(encoded(draft)))


def _adopt(draft: Dataset, source: Dataset) -> None:
    """Copy patient and study, what the source lacks as empty, in the source's character set."""
    draft.pop("SpecificCharacterSet", None)
    for keyword in ("SpecificCharacterSet", *PATIENT_AND_STUDY):
        if keyword in source:
            draft.add(source[keyword])


def encoded(instance: Dataset) -> bytes:
    """Return an instance as a DICOM file's bytes."""
    buffer = io.BytesIO()
    with without_warnings():  # of a source's character set that nobody knows, which is kept
        instance.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
