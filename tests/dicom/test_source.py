from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UltrasoundImageStorage

from echoduet.dicom.source import PATIENT_AND_STUDY, Source
from echoduet.errors import DicomError, ShapeError

from .conftest import SECRETS, SHAPE


def test_what_is_read(make_source):
    source = Source.of(make_source(frames=3, ImageLaterality="R"))
    assert (source.rows, source.columns) == SHAPE
    assert (source.frames, source.number, source.side) == (3, 5, "R")


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
def test_a_missing_or_wrong_uid_is_named(make_source, keyword):
    with pytest.raises(DicomError, match=f"has no {keyword}"):
        Source.of(make_source(**{keyword: None}))
    with pytest.raises(DicomError, match=f"has no {keyword}"):
        Source.of(make_source(**{keyword: ""}))
    wrong = make_source()
    wrong[keyword]._value = "1.02.x"
    with pytest.raises(DicomError, match=f"{keyword} is not a valid UID") as caught:
        Source.of(wrong)
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


def test_a_source_without_a_size_is_no_image(make_source):
    with pytest.raises(DicomError, match="has no Rows"):
        Source.of(make_source(Rows=None))


@pytest.mark.parametrize("value", ["", "0", "-3"])
def test_numbers_are_at_least_one(make_source, value):
    assert Source.of(make_source(InstanceNumber=value)).number == 1


def test_side_is_told_only_where_it_is_one(make_source):
    assert Source.of(make_source()).side is None
    assert Source.of(make_source(ImageLaterality="U")).side is None
    assert Source.of(make_source(ImageLaterality="B", Laterality="L")).side == "L"


def test_frames_are_counted_from_one(make_source, make_analysis):
    one, several = Source.of(make_source()), Source.of(make_source(frames=3))
    assert one.frame_number(make_analysis()) is None
    assert one.frame_number(make_analysis(frame=0)) is None
    assert several.frame_number(make_analysis(frame=2)) == 3
    for source, frame in ((one, 1), (several, None), (several, 3)):
        with pytest.raises(ShapeError, match="and frame"):
            source.frame_number(make_analysis(frame=frame))


def test_an_analysis_of_another_size_is_refused(make_source, make_analysis):
    with pytest.raises(ShapeError, match=r"83x60 pixels, the picture analysed 83x61"):
        Source.of(make_source(shape=(60, 83))).frame_number(make_analysis())


def test_the_stand_in_names_nobody(make_source):
    source = Source.of(make_source(frames=3, LossyImageCompression="01", LossyImageCompressionRatio="12.5"))
    stand_in = source.stand_in()
    assert not any(secret in str(stand_in) for secret in SECRETS.values())
    assert not any(secret in repr(source) for secret in SECRETS.values())
    assert (stand_in.SOPClassUID, stand_in.LossyImageCompressionRatio) == (UltrasoundImageStorage, 12.5)
    assert all(stand_in.get(keyword) == "" for keyword in PATIENT_AND_STUDY[5:] if keyword in SECRETS)


def test_references_get_the_class_of_the_source(make_source):
    source = Source.of(make_source(frames=2))
    inner, outer = Dataset(), Dataset()
    inner.ReferencedSOPInstanceUID, inner.ReferencedSOPClassUID = source.instance, UltrasoundImageStorage
    other = Dataset()
    other.ReferencedSOPInstanceUID, other.ReferencedSOPClassUID = "1.2.3", UltrasoundImageStorage
    outer.SourceImageSequence = [inner, other]
    draft = Dataset()
    draft.DerivationImageSequence = [outer]
    source.restate_class(draft)
    assert inner.ReferencedSOPClassUID == source.sop_class != UltrasoundImageStorage
    assert other.ReferencedSOPClassUID == UltrasoundImageStorage
