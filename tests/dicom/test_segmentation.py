from __future__ import annotations

import numpy as np
import pytest
from highdicom.seg import Segmentation
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom.sr.coding import Code
from pydicom.uid import SecondaryCaptureImageStorage, UltrasoundMultiFrameImageStorage

from echoduet.dicom.outlines import number_lesions
from echoduet.dicom.segmentation import segmentation, tracking_uid
from echoduet.dicom.source import Source

from .conftest import ALGORITHM, answer, ultrasound

RETIRED = "1.2.840.10008.5.1.4.1.1.6"


def read_back(instance):
    """Return the lesions' numbers as highdicom reads them from the file."""
    found = Segmentation.from_dataset(instance)
    source = instance.SourceImageSequence[0].ReferencedSOPInstanceUID
    return found.get_pixels_by_source_instance([source], combine_segments=True)[0]


@pytest.mark.parametrize("lesions", [1, 3])
@pytest.mark.parametrize(("frames", "frame", "number"), [(1, None, None), (1, 0, None), (4, 2, 3)])
@pytest.mark.parametrize("rgb", [False, True])
def test_masks_come_back_and_the_instance_is_valid(
    make_source, make_analysis, algorithm, verify, lesions, frames, frame, number, rgb
):
    source = make_source(frames=frames, rgb=rgb, ImageLaterality="L")
    analysis = make_analysis(lesions=lesions, frame=frame)
    instance = segmentation(Source.of(source), analysis, algorithm)
    verify(instance)
    assert np.array_equal(read_back(instance), number_lesions(analysis))
    assert instance.NumberOfFrames == len(instance.SegmentSequence) == lesions
    for own in instance.PerFrameFunctionalGroupsSequence:
        reference = own.DerivationImageSequence[0].SourceImageSequence[0]
        assert reference.ReferencedSOPClassUID == source.SOPClassUID
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert reference.get("ReferencedFrameNumber") == number
    assert instance.InstanceNumber == (number or 5)


@settings(max_examples=15)
@given(mask=arrays(np.bool_, st.tuples(st.integers(3, 17), st.integers(3, 17))))  # highdicom packs <8 pixels wrongly
def test_any_mask_comes_back(mask):
    analysis = answer(mask=mask)
    instance = segmentation(Source.of(ultrasound(shape=mask.shape)), analysis, ALGORITHM)
    assert (instance is None) is not mask.any()
    if instance is not None:
        assert np.array_equal(read_back(instance), number_lesions(analysis))


def test_what_a_segment_says(make_source, make_analysis, algorithm):
    source = Source.of(make_source(ImageLaterality="R"))
    analysis = make_analysis(lesions=2)
    instance = segmentation(source, analysis, algorithm)
    segment = Segmentation.from_dataset(instance).get_segment_description(2)
    assert segment.segmented_property_category == Code("49755003", "SCT", "Morphologically Abnormal Structure")
    assert segment.segmented_property_type == Code("52988006", "SCT", "Lesion")
    assert segment.algorithm_type.value == "AUTOMATIC"
    told = segment.algorithm_identification
    assert (told.name, told.version) == ("EchoDuet", algorithm.version)
    assert told.parameters == algorithm.parameters
    assert segment.tracking_uid == tracking_uid(source, analysis, algorithm, analysis.lesions[1])
    region = segment.AnatomicRegionSequence[0]
    assert (region.CodeMeaning, region.AnatomicRegionModifierSequence[0].CodeMeaning) == ("Breast", "Right")
    assert instance.SegmentationType == "BINARY"
    assert "FrameOfReferenceUID" not in instance


def test_no_lesion_no_segmentation(make_source, make_analysis, algorithm):
    source = Source.of(make_source())
    assert segmentation(source, make_analysis(lesions=0), algorithm) is None
    assert segmentation(source, make_analysis(answered=False), algorithm) is None


@pytest.mark.parametrize("sop_class", [RETIRED, SecondaryCaptureImageStorage, UltrasoundMultiFrameImageStorage])
def test_a_source_of_any_class_with_or_without_frame_of_reference(
    make_source, make_analysis, algorithm, verify, sop_class
):
    source = make_source(SOPClassUID=sop_class, FrameOfReferenceUID="1.2.3.4")
    instance = segmentation(Source.of(source), make_analysis(), algorithm)
    verify(instance)
    assert instance.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPClassUID == sop_class


def test_the_same_answer_is_the_same_instance(make_source, make_analysis, algorithm):
    source = Source.of(make_source(frames=3))
    first, again = (segmentation(source, make_analysis(frame=1), algorithm) for _ in range(2))
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert first.PixelData == again.PixelData
    others = [
        segmentation(source, make_analysis(frame=2), algorithm),
        segmentation(source, make_analysis(frame=1, lesions=2), algorithm),
        segmentation(Source.of(make_source(frames=3, SOPInstanceUID="1.2.3")), make_analysis(frame=1), algorithm),
    ]
    assert len({one.SOPInstanceUID for one in (first, *others)}) == 4
    assert {one.SeriesInstanceUID for one in others} == {first.SeriesInstanceUID}
