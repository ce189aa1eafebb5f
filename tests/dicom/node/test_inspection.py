"""What could never be answered is refused, with a status that says which way."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "Rows", "PhotometricInterpretation"])
def test_what_no_result_could_be_made_of_is_not_understood(keyword):
    dataset = make_phantom(EXAM)
    delattr(dataset, keyword)
    assert looked_at(dataset) == (Status.CANNOT_UNDERSTAND, "its frames cannot be read")


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
