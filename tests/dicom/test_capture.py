from __future__ import annotations

import numpy as np
import pytest

from echoduet.dicom.capture import capture
from echoduet.dicom.source import Source
from echoduet.errors import ShapeError
from echoduet.inference.overlay import draw_overlay


@pytest.mark.parametrize("lesions", [0, 1, 3])
@pytest.mark.parametrize(("frames", "frame", "number"), [(1, None, None), (4, 2, 3)])
def test_captures_are_valid_and_hold_the_overlay(
    make_source, make_analysis, algorithm, verify, lesions, frames, frame, number
):
    source, analysis = Source.of(make_source(frames=frames)), make_analysis(lesions=lesions, frame=frame)
    instance = capture(source, analysis, algorithm)
    verify(instance)
    drawn = draw_overlay(analysis.scan.image, analysis.refined)
    assert np.array_equal(instance.pixel_array, drawn)
    reference = instance.SourceImageSequence[0]
    assert (reference.ReferencedSOPClassUID, reference.get("ReferencedFrameNumber")) == (source.sop_class, number)
    assert "Not for diagnosis" in instance.DerivationDescription


def test_lossy_compression_side_and_burned_in_text_are_those_of_the_source(
    make_source, make_analysis, algorithm, verify
):
    told = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "9.5", "BurnedInAnnotation": "YES"}
    told |= {"LossyImageCompressionMethod": "ISO_10918_1", "ImageLaterality": "L"}
    instance = capture(Source.of(make_source(**told)), make_analysis(), algorithm)
    verify(instance)
    assert (instance.LossyImageCompression, instance.LossyImageCompressionRatio) == ("01", 9.5)
    assert (instance.BurnedInAnnotation, instance.Laterality) == ("YES", "L")
    plain = capture(Source.of(make_source()), make_analysis(), algorithm)
    assert "BurnedInAnnotation" not in plain and plain.Laterality == ""


def test_a_refused_picture_has_none(make_source, make_analysis, algorithm):
    assert capture(Source.of(make_source()), make_analysis(answered=False), algorithm) is None


def test_an_analysis_of_another_source_is_refused(make_source, make_analysis, algorithm):
    with pytest.raises(ShapeError):
        capture(Source.of(make_source(shape=(10, 10))), make_analysis(), algorithm)


def test_the_same_answer_is_the_same_instance(make_source, make_analysis, algorithm):
    source = Source.of(make_source())
    uids = {capture(source, make_analysis(lesions=n), algorithm).SOPInstanceUID for n in (1, 1, 2)}
    assert len(uids) == 2
