"""What could never be answered is refused, with a status that says which way."""

from __future__ import annotations

import io

import pytest
from pydicom.dataset import Dataset

from echoduet.data.dicom.objects import Syntax, encode
from echoduet.data.phantom_dicom import PhantomExam, make_phantom
from echoduet.data.uploads import Upload
from echoduet.dicom.node.contexts import TAKEN
from echoduet.dicom.node.inspection import NotTakenError, Status, inspect

EXAM = PhantomExam(width=64)


def looked_at(dataset, syntax=Syntax.EXPLICIT, cut=None, sop_class=None, instance=None):
    """Inspect an object as it would arrive; return the status and the reason, None where it is taken."""
    sop_class, instance = sop_class or str(dataset.SOPClassUID), instance or str(dataset.SOPInstanceUID)
    content = encode(dataset, syntax)[:cut]
    try:
        inspect(Upload(content, "x"), sop_class, instance)
    except NotTakenError as error:
        return error.status, error.reason
    return None


@pytest.mark.parametrize("syntax", list(Syntax))
def test_ultrasound_is_taken_in_every_transfer_syntax(syntax):
    assert looked_at(make_phantom(EXAM), syntax) is None


def test_retired_classes_are_taken():
    for kind in TAKEN:
        dataset = make_phantom(EXAM)
        dataset.SOPClassUID = kind
        assert looked_at(dataset) is None


def test_another_modality_does_not_match():
    dataset = make_phantom(EXAM)
    dataset.Modality = "MR"
    assert looked_at(dataset) == (Status.MISMATCH, "no ultrasound image, or modality not US")


def test_another_object_than_the_request_names_does_not_match():
    assert looked_at(make_phantom(EXAM), instance="1.2.3")[0] is Status.MISMATCH
    assert looked_at(make_phantom(EXAM), sop_class=TAKEN[2])[0] is Status.MISMATCH
    assert looked_at(make_phantom(EXAM), sop_class="1.2.840.10008.5.1.4.1.1.7") == (
        Status.MISMATCH,
        "SOP class is not taken",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"StudyInstanceUID": None}, "has no StudyInstanceUID, so nothing can refer to it"),
        ({"SeriesInstanceUID": None}, "has no SeriesInstanceUID, so nothing can refer to it"),
        ({"Rows": None}, "Rows is missing or no whole number"),
        ({"NumberOfFrames": 2}, "holds fewer pixels than its header declares"),
        ({"NumberOfFrames": 5000}, "has 5,000 frames, more than the 1,000 that are read"),
        ({"PhotometricInterpretation": "ARGB"}, "its frames cannot be read"),  # the whole of it would be too long
    ],
)
def test_what_no_result_could_be_made_of_is_not_understood(changes, reason):
    dataset = make_phantom(EXAM)
    for keyword, value in changes.items():
        delattr(dataset, keyword) if value is None else setattr(dataset, keyword, value)
    assert looked_at(dataset) == (Status.CANNOT_UNDERSTAND, reason)


@pytest.mark.parametrize(
    ("encrypted", "reason"), [(False, "holds no pixels that can be read"), (True, "its pixels are encrypted")]
)
def test_an_instance_without_pixels_is_told_whether_they_are_encrypted(encrypted, reason):
    dataset = make_phantom(EXAM)
    del dataset.PixelData
    if encrypted:
        dataset.EncryptedAttributesSequence = [Dataset()]
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    with pytest.raises(NotTakenError) as caught:
        inspect(Upload(stream.getvalue(), "x"), str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))
    assert (caught.value.status, caught.value.reason) == (Status.CANNOT_UNDERSTAND, reason)


@pytest.mark.parametrize("syntax", list(Syntax))
def test_what_was_cut_off_at_any_tenth_is_not_taken(syntax):
    exam = PhantomExam(width=64, frames=3)
    length = len(encode(make_phantom(exam), syntax))
    for tenth in range(10):
        told = looked_at(make_phantom(exam), syntax, cut=length * tenth // 10)
        assert told is not None
        assert told[0] in (Status.CANNOT_UNDERSTAND, Status.MISMATCH)


def test_a_loop_that_lacks_frames_is_told_how_many():
    told = looked_at(make_phantom(PhantomExam(width=64, frames=4)), Syntax.JPEG, cut=-30)
    assert told == (Status.CANNOT_UNDERSTAND, "holds 3 whole frames of the 4 it declares")


def test_rubbish_is_not_understood():
    with pytest.raises(NotTakenError) as caught:
        inspect(Upload(b"\xff" * 5000, "x"), TAKEN[0], "1.2.3")
    assert caught.value.status in (Status.CANNOT_UNDERSTAND, Status.MISMATCH)


def test_no_reason_is_longer_than_a_comment_may_be_or_tells_of_the_patient():
    dataset = make_phantom(EXAM)
    dataset.PatientName, dataset.Modality = "ZYXWV^Qwertz", "ZYXWV"
    told = looked_at(dataset)
    assert len(told[1]) <= 64
    assert "ZYXWV" not in told[1]
