"""What a report says about one frame: a group about the picture (TID 1501), and one for each lesion (TID 1410)."""

from __future__ import annotations

from collections.abc import Iterator

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from echoduet.dicom import codes
from echoduet.dicom.identity import MANUFACTURER, Algorithm, derived_uid
from echoduet.dicom.outlines import LesionNumbers, number_lesions, outline
from echoduet.dicom.segmentation import tracking_uid
from echoduet.dicom.source import Source
from echoduet.records import CLASSES, Analysis, Lesion

Group = sr.MeasurementsAndQualitativeEvaluations | sr.PlanarROIMeasurementsAndQualitativeEvaluations


def frame_groups(source: Source, analysis: Analysis, algorithm: Algorithm, masks: Dataset | None) -> list[Group]:
    """Return what is said about one frame: first about the picture, then about each lesion.

    Args:
        source: the instance analysed.
        analysis: of the frame.
        algorithm: what answered.
        masks: the segmentation that the lesions are found in; None for outlines in the report itself.

    Raises:
        ShapeError: the analysis is not of this source, or its lesions are not those of its mask.
    """
    frame = source.frame_number(analysis)
    groups: list[Group] = [_picture(source, analysis, algorithm, frame)]
    numbers = number_lesions(analysis)
    for lesion in analysis.lesions:
        region = _region(source, lesion, numbers, frame) if masks is None else None
        segment = None if masks is None else _segment(source, masks, lesion, frame)
        groups.append(
            sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                sr.TrackingIdentifier(
                    uid=tracking_uid(source, analysis, algorithm, lesion), identifier=f"Lesion {lesion.number}"
                ),
                referenced_region=region,
                referenced_segment=segment,
                finding_category=codes.ABNORMAL_STRUCTURE,
                finding_type=codes.LESION,
                finding_sites=[_site(source)],
                algorithm_id=identification(algorithm),
                measurements=list(_sizes(lesion)),
            )
        )
    return groups


def identification(algorithm: Algorithm) -> sr.AlgorithmIdentification:
    """Return who measured (TID 4019)."""
    parameters = [f"{name}={value}" for name, value in algorithm.parameters.items()]
    return sr.AlgorithmIdentification(
        "EchoDuet", algorithm.version, parameters, codes.ARTIFICIAL_INTELLIGENCE, MANUFACTURER
    )


def comment(text: str) -> sr.TextContentItem:
    """Return a sentence for the reader."""
    return sr.TextContentItem(codes.COMMENT, text, sr.RelationshipTypeValues.CONTAINS)


def _picture(
    source: Source, analysis: Analysis, algorithm: Algorithm, frame: int | None
) -> sr.MeasurementsAndQualitativeEvaluations:
    group = sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(
            uid=derived_uid("picture", source.instance, str(frame), algorithm.key),
            identifier="Picture" if frame is None else f"Frame {frame}",
        ),
        algorithm_id=identification(algorithm),
        source_images=[sr.SourceImageForMeasurementGroup(source.sop_class, source.instance, _frames(frame))],
        measurements=list(_numbers(analysis)),
        qualitative_evaluations=list(_evaluations(analysis)),
    )
    group[0].ContentSequence.extend([comment(text) for text in _comments(analysis)])
    return group


def _frames(frame: int | None) -> list[int] | None:
    return None if frame is None else [frame]


def _number(name: Code, value: float, unit: Code = codes.NO_UNITS, digits: int = 4) -> sr.Measurement:
    return sr.Measurement(name, round(float(value), digits), unit)


def _numbers(analysis: Analysis) -> Iterator[sr.Measurement]:
    for check in analysis.refused:
        yield _number(codes.SCORES[check.ground], check.score)
        yield _number(codes.LIMITS[check.ground], check.threshold)
    if (answer := analysis.refined) is None:
        return
    if answer.mask is not None:
        yield sr.Measurement(codes.LESIONS, len(analysis.lesions), codes.NO_UNITS)
    if answer.probabilities is not None:
        for label in CLASSES:
            yield _number(codes.PROBABILITIES[label], answer.probabilities[label.position])
    if (spread := analysis.uncertainty) is None:
        return
    yield sr.Measurement(codes.READINGS, spread.readings, codes.NO_UNITS)
    if spread.outline is not None:
        yield _number(codes.OUTLINE_SPREAD, spread.outline)
    if spread.classes is not None:
        for label in CLASSES:
            yield _number(codes.SPREADS[label], spread.classes[label.position])


def _evaluations(analysis: Analysis) -> Iterator[sr.QualitativeEvaluation]:
    for check in analysis.refused:
        yield sr.QualitativeEvaluation(codes.REFUSED, codes.GROUNDS[check.ground])
    answer, raw = analysis.refined, analysis.raw
    if answer is not None and answer.label is not None:
        yield sr.QualitativeEvaluation(codes.CLASS, codes.CLASS_VALUES[answer.label])
        if raw is not None and raw.label is not None and raw.label is not answer.label:
            yield sr.QualitativeEvaluation(codes.CLASS_BEFORE, codes.CLASS_VALUES[raw.label])


def _comments(analysis: Analysis) -> Iterator[str]:
    grounds = "; ".join(codes.GROUNDS[check.ground].meaning for check in analysis.refused)
    if analysis.refined is None:
        yield f"The picture is refused, and nothing is answered about it. {grounds}."
    elif grounds:
        yield f"The picture would have been refused, and was answered about on request. {grounds}."
    if analysis.refined is not None and analysis.refined.mask is not None and not analysis.lesions:
        yield "No lesion is outlined, so that there is no segmentation."


def _site(source: Source) -> sr.FindingSite:
    return sr.FindingSite(codes.BREAST, None if source.side is None else codes.SIDES[source.side])


def _sizes(lesion: Lesion) -> Iterator[sr.Measurement]:
    length, square = (codes.MILLIMETRE, codes.SQUARE_MILLIMETRE) if lesion.unit == "mm" else (codes.PIXELS,) * 2
    yield _number(codes.AREA, lesion.area, square, digits=2)
    yield _number(codes.LONG_AXIS, lesion.longest, length, digits=2)
    yield _number(codes.SHORT_AXIS, lesion.shortest, length, digits=2)
    yield _number(codes.WIDTH, lesion.width, length, digits=2)
    yield _number(codes.HEIGHT, lesion.height, length, digits=2)
    if lesion.probability is not None:
        yield _number(codes.LESION_PROBABILITY, lesion.probability)


def _segment(source: Source, masks: Dataset, lesion: Lesion, frame: int | None) -> sr.ReferencedSegmentationFrame:
    image = sr.SourceImageForSegmentation(source.sop_class, source.instance, _frames(frame))
    reference = sr.ReferencedSegmentationFrame(
        SegmentationStorage, masks.SOPInstanceUID, lesion.number, lesion.number, image
    )
    # Its frame says all, and PS3.3 table 10-3 allows but one of the two; highdicom writes both.
    del reference[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return reference


def _region(source: Source, lesion: Lesion, numbers: LesionNumbers, frame: int | None) -> sr.ImageRegion:
    image = sr.SourceImageForRegion(source.sop_class, source.instance, _frames(frame))
    return sr.ImageRegion(sr.GraphicTypeValues.POLYLINE, outline(numbers, lesion), image)
