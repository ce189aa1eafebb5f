from __future__ import annotations

import numpy as np
import pytest
from highdicom import sr

from echoduet.dicom import codes
from echoduet.dicom.measurement_groups import frame_groups, identification
from echoduet.dicom.segmentation import segmentation
from echoduet.dicom.source import Source
from echoduet.errors import ShapeError
from echoduet.records import CLASSES, Ground, Label


@pytest.fixture
def groups_of(make_source, make_analysis, algorithm):
    """Make the groups about one picture, as they are told: with the segmentation, or with outlines."""

    def make(outlines=False, frames=1, **answer):
        source, analysis = Source.of(make_source(frames=frames)), make_analysis(**answer)
        masks = None if outlines else segmentation(source, analysis, algorithm)
        return frame_groups(source, analysis, algorithm, masks), analysis, masks

    return make


def numbers(group):
    return {item.name.value: (item.value, item.unit.value) for item in group.get_measurements()}


def evaluations(group):
    found = [(item.name.value, item.value.meaning) for item in group.get_qualitative_evaluations()]
    return [one for one in found if one != ("111000", "Artificial Intelligence")]


def comments(group):
    return [item.value for item in group[0].ContentSequence if item.name == codes.COMMENT]


@pytest.mark.parametrize("unit", ["mm", "px"])
def test_lesions_are_measured(groups_of, unit):
    groups, analysis, _ = groups_of(lesions=3, **({} if unit == "mm" else {"spacing": None}))
    length, square = ("mm", "mm2") if unit == "mm" else ("{pixels}", "{pixels}")
    assert len(groups) == 4
    for group, lesion in zip(groups[1:], analysis.lesions, strict=True):
        assert numbers(group) == {
            "42798000": (round(lesion.area, 2), square),
            "103339001": (round(lesion.longest, 2), length),
            "103340004": (round(lesion.shortest, 2), length),
            "103355008": (round(lesion.width, 2), length),
            "121207": (round(lesion.height, 2), length),
            "lesion-prob": (0.75, "1"),
        }
        assert group.finding_type == codes.LESION
        assert group.finding_category == codes.ABNORMAL_STRUCTURE
        assert group.finding_sites[0].value == codes.BREAST
        assert group.tracking_identifier == f"Lesion {lesion.number}"


def test_a_picture_has_its_class_and_how_sure_that_is(groups_of):
    (picture, *_), analysis, _ = groups_of(lesions=2)
    told = numbers(picture)
    assert told["lesions"] == (2, "1") and told["readings"] == (6, "1")
    assert told["sd-outline"] == (0.0625, "1")
    for label in CLASSES:
        assert told[f"prob-{label}"][0] == pytest.approx(analysis.refined.probabilities[label.position], abs=5.1e-5)
        assert told[f"sd-{label}"][0] == pytest.approx(analysis.uncertainty.classes[label.position], abs=5.1e-5)
    assert evaluations(picture) == [("class", "Malignant")]
    assert comments(picture) == []


def test_a_class_that_refining_changed_is_told(groups_of):
    (picture,), *_ = groups_of(lesions=0, raw=Label.BENIGN)
    assert evaluations(picture) == [("class", "Normal"), ("class-raw", "Benign")]
    assert comments(picture) == ["No lesion is outlined, so that there is no segmentation."]
    assert numbers(picture)["lesions"] == (0, "1")


def test_a_refused_picture_has_its_grounds_and_scores(groups_of):
    refused = (Ground.COLOUR_DOPPLER, Ground.OUT_OF_DISTRIBUTION)
    (picture,), *_ = groups_of(refused=refused, answered=False)
    assert evaluations(picture) == [("refused", codes.GROUNDS[ground].meaning) for ground in refused]
    assert numbers(picture) == {
        "score-doppler": (0.875, "1"),
        "limit-doppler": (0.5, "1"),
        "score-ood": (0.875, "1"),
        "limit-ood": (0.5, "1"),
    }
    assert comments(picture) == [
        "The picture is refused, and nothing is answered about it. It shows colour Doppler; "
        "It is unlike the pictures the network was trained on."
    ]


def test_a_picture_answered_in_spite_of_a_refusal_has_both(groups_of):
    groups, *_ = groups_of(refused=(Ground.MULTI_PANEL,))
    assert len(groups) == 2
    assert evaluations(groups[0])[0] == ("refused", "It shows several views side by side")
    assert "prob-benign" in numbers(groups[0])
    assert comments(groups[0])[0].startswith("The picture would have been refused, and was answered about on request.")


def test_a_lesion_is_found_in_its_segment(groups_of):
    (_, *lesions), _, masks = groups_of(lesions=2, frames=4, frame=1)
    for number, group in enumerate(lesions, start=1):
        segment, image = group.referenced_segmentation_frame
        reference = segment.ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == masks.SOPInstanceUID
        assert reference.ReferencedFrameNumber == number
        assert "ReferencedSegmentNumber" not in reference
        assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == 2
        assert group.tracking_uid == masks.SegmentSequence[number - 1].TrackingUID


def test_without_a_segmentation_a_lesion_has_its_outline(groups_of):
    (_, lesion), analysis, _ = groups_of(outlines=True, frames=4, frame=1)
    roi = lesion.roi
    assert roi.graphic_type is sr.GraphicTypeValues.POLYLINE
    left, top = roi.value.min(axis=0)
    box = analysis.lesions[0].box
    assert (left, top) == (box.left, box.top)
    assert np.array_equal(roi.value[0], roi.value[-1])
    assert roi.ContentSequence[0].ReferencedSOPSequence[0].ReferencedFrameNumber == 2


def test_the_algorithm_is_identified(algorithm):
    told = {(item.name.meaning, str(getattr(item.value, "meaning", item.value))) for item in identification(algorithm)}
    assert ("Algorithm Name", "EchoDuet") in told
    assert ("Algorithm Version", algorithm.version) in told
    assert ("Algorithm Family", "Artificial Intelligence") in told
    assert ("Algorithm Parameters", f"sha256={algorithm.sha256}") in told
    assert ("Algorithm Parameters", "model=echoduet-base") in told


def test_an_analysis_of_another_source_is_refused(groups_of):
    with pytest.raises(ShapeError):
        groups_of(frame=1)
