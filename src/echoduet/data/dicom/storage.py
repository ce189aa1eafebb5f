"""Which kinds of DICOM object are ultrasound pictures."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from echoduet.errors import DicomError

ULTRASOUND: Final = "1.2.840.10008.5.1.4.1.1.6.1"
ULTRASOUND_MULTI_FRAME: Final = "1.2.840.10008.5.1.4.1.1.3.1"

_ULTRASOUND = frozenset(
    {
        ULTRASOUND,
        ULTRASOUND_MULTI_FRAME,
        "1.2.840.10008.5.1.4.1.1.6",  # both retired, as older scanners write them
        "1.2.840.10008.5.1.4.1.1.3",
    }
)
# Frame grabbers and workstations save ultrasound as these; only the modality tells.
_CAPTURE = frozenset({f"1.2.840.10008.5.1.4.1.1.7{part}" for part in ("", ".2", ".3", ".4")})


def check_kind(dataset: Dataset, label: str) -> None:
    """Refuse what is not an ultrasound picture.

    Raises:
        DicomError: it is of another kind or modality, or does not say of which.
    """
    kind, modality = str(dataset.get("SOPClassUID") or ""), dataset.get("Modality") or ""
    if not kind:
        raise DicomError(f"{label}: ends before it says what it is, or never does. Restore the file from its source.")
    if kind not in _ULTRASOUND | _CAPTURE:
        # Only a registered name is repeated: anything else in the element could be anything.
        known = f" ({UID(kind).name})" if UID(kind).name != kind else ""
        raise DicomError(f"{label}: is no ultrasound image{known}. Choose one that is.")
    if modality != "US" and (modality or kind in _CAPTURE):
        raise DicomError(f"{label}: its modality is not US (ultrasound). Choose an ultrasound image.")
