from __future__ import annotations

import io

import pytest
from highdicom import sr

from echoduet.dicom import codes
from echoduet.dicom.instances import encoded
from echoduet.dicom.measurement_groups import frame_groups
from echoduet.dicom.segmentation import segmentation
from echoduet.dicom.source import Source
from echoduet.dicom.structured_report import structured_report
from echoduet.errors import DicomError
from echoduet.records import Ground


@pytest.fixture
def report_of(make_source, make_analysis, algorithm):
    """Make the report about the answers given, frame by frame."""

    def make(answers, outlines=False, frames=1, **values):
        source = Source.of(make_source(frames=frames, **values))
        analyses = [make_analysis(**answer) for answer in answers]
        masks = [None if outlines else segmentation(source, one, algorithm) for one in analyses]
        groups = [frame_groups(source, one, algorithm, own) for one, own in zip(analyses, masks, strict=True)]
        return structured_report(source, algorithm, groups, [own for own in masks if own is not None])

    return make


REFUSED = {"answered": False, "refused": (Ground.NOT_ULTRASOUND,)}
CASES = {
    "one": ([{}], 1),
    "none": ([{"lesions": 0}], 1),
    "three": ([{"lesions": 3, "spacing": None}], 1),
    "refused": ([REFUSED], 1),
    "several": ([{"frame": 0}, {"frame": 1, "lesions": 0}, {"frame": 2, "lesions": 3}, {"frame": 3} | REFUSED], 4),
}


@pytest.mark.parametrize("outlines", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_reports_are_valid_and_read_back(report_of, verify, case, outlines):
    answers, frames = CASES[case]
    instance = report_of(answers, outlines, frames, ImageLaterality="R", rgb=case == "three")
    verify(instance)
    content = sr.srread(io.BytesIO(encoded(instance))).content
    lesions = [0 if "answered" in answer else answer.get("lesions", 1) for answer in answers]
    assert len(content.get_image_measurement_groups()) == len(answers)
    assert len(content.get_planar_roi_measurement_groups()) == sum(lesions)
    assert (instance.CompletionFlag, instance.VerificationFlag) == ("COMPLETE", "UNVERIFIED")


def test_numbers_read_back(report_of):
    instance = report_of([{"lesions": 2}])
    content = sr.srread(io.BytesIO(encoded(instance))).content
    picture = content.get_image_measurement_groups()[0]
    lesion = content.get_planar_roi_measurement_groups(finding_type=codes.LESION)[0]
    assert picture.get_measurements(name=codes.LESIONS)[0].value == 2
    assert [one.value for one in lesion.get_measurements(name=codes.WIDTH)] == [5.25]
    assert [one.unit.value for one in lesion.get_measurements(name=codes.WIDTH)] == ["mm"]


def test_evidence_is_the_source_and_its_segmentations(report_of, make_source):
    source = make_source(frames=4)
    instance = report_of([{"frame": 0}, {"frame": 1, "lesions": 0}, {"frame": 2}], frames=4)
    found = sr.ComprehensiveSR.from_dataset(instance).get_evidence()
    assert [uid for *_, uid, sop_class in found if sop_class == source.SOPClassUID] == [source.SOPInstanceUID]
    assert len(found) == 3


def test_a_report_about_some_frames_is_partial(report_of, verify):
    instance = report_of([{"frame": 2}], frames=4)
    verify(instance)
    assert instance.CompletionFlag == "PARTIAL"
    assert instance.CompletionFlagDescription == "1 of 4 frames analysed"


def test_it_says_who_observed_and_that_it_is_for_research(report_of, algorithm):
    content = sr.srread(io.BytesIO(encoded(report_of([{}])))).content
    (observer,) = content.get_observer_contexts(observer_type=codes.DEVICE)
    told = observer.observer_identifying_attributes
    assert (told.name, told.model_name, told.serial_number) == ("EchoDuet", "echoduet-base", algorithm.serial_number)
    evaluations = content[0].ContentSequence[-1]
    assert evaluations.name == codes.EVALUATIONS
    assert [item.value for item in evaluations.ContentSequence] == ["Research use only. Not for diagnosis."]


def test_it_never_speaks_of_bi_rads(report_of):
    text = encoded(report_of(*CASES["several"][:1], frames=4)).lower()
    assert b"rads" not in text and b"probability of cancer" not in text


def test_the_same_answers_are_the_same_report(report_of):
    first, again = (report_of([{"lesions": 2}]) for _ in range(2))
    assert first.SOPInstanceUID == again.SOPInstanceUID
    others = [report_of([{"lesions": 1}]), report_of([{"lesions": 2}], outlines=True), report_of([REFUSED])]
    assert len({one.SOPInstanceUID for one in (first, *others)}) == 4


def test_nothing_analysed_is_nothing_to_report(make_source, algorithm):
    with pytest.raises(DicomError, match="no frame of it was analysed"):
        structured_report(Source.of(make_source()), algorithm, [])
