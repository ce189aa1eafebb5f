"""Which objects are ultrasound pictures."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedUSVolumeStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from echoduet.data.dicom.storage import check_kind
from echoduet.errors import DicomError

CAPTURES = [SecondaryCaptureImageStorage, MultiFrameTrueColorSecondaryCaptureImageStorage]
RETIRED = ["1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.3"]


def of(kind, modality):
    dataset = Dataset()
    if kind is not None:
        dataset.SOPClassUID = kind
    if modality is not None:
        dataset.Modality = modality
    return dataset


@pytest.mark.parametrize("kind", [UltrasoundImageStorage, UltrasoundMultiFrameImageStorage, *RETIRED])
@pytest.mark.parametrize("modality", ["US", "", None])
def test_ultrasound_old_and_new(kind, modality):
    check_kind(of(kind, modality), "x")


@pytest.mark.parametrize("kind", CAPTURES)
def test_captures_of_ultrasound(kind):
    check_kind(of(kind, "US"), "x")
    for modality in ("OT", "", None):
        with pytest.raises(DicomError, match=r"^x: its modality is not US \(ultrasound\)\. Choose"):
            check_kind(of(kind, modality), "x")


@pytest.mark.parametrize("kind", [CTImageStorage, EnhancedUSVolumeStorage])
def test_another_kind_is_called_by_its_registered_name(kind):
    with pytest.raises(DicomError) as caught:
        check_kind(of(kind, "US"), "x")
    assert str(caught.value) == f"x: is no ultrasound image ({kind.name}). Choose one that is."


def test_an_unknown_kind_is_not_repeated():
    with pytest.raises(DicomError, match=r"^x: is no ultrasound image\. Choose one that is\.$"):
        check_kind(of("1.2.3.4.5", "US"), "x")


@pytest.mark.parametrize("kind", [None, ""])
def test_a_header_that_was_cut_off_before_the_kind_is_not_called_another_kind(kind):
    with pytest.raises(DicomError, match=r"^x: ends before it says what it is, or never does\. Restore the file"):
        check_kind(of(kind, "US"), "x")


def test_an_ultrasound_object_of_another_modality():
    with pytest.raises(DicomError, match="modality is not US"):
        check_kind(of(UltrasoundMultiFrameImageStorage, "IVUS"), "x")
