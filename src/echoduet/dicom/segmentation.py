"""A DICOM Segmentation of one frame: one binary segment for each lesion of the refined answer."""

from __future__ import annotations

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from echoduet.dicom import codes
from echoduet.dicom.identity import MANUFACTURER, Algorithm, Kind, derived_uid
from echoduet.dicom.instances import completed, maker
from echoduet.dicom.outlines import number_lesions
from echoduet.dicom.source import Source
from echoduet.inference.overlay import COLOURS, NO_CLASS
from echoduet.records import Analysis, Lesion


def segmentation(source: Source, analysis: Analysis, algorithm: Algorithm) -> Dataset | None:
    """Return the segmentation of one frame; None where no lesion is outlined.

    Frame and segment numbers are those of the lesions. Pixels are those of the source's frame, one for one: there is no
    frame of reference, as ultrasound has none, and the size of a pixel stands in the source.

    Args:
        source: the instance analysed.
        analysis: of the frame.
        algorithm: what answered.

    Raises:
        DicomError: patient or study of the source cannot be copied.
        ShapeError: the analysis is not of this source, or its lesions are not those of its mask.
    """
    frame = source.frame_number(analysis)
    if not analysis.lesions:
        return None
    draft = Segmentation(
        [source.stand_in()],
        number_lesions(analysis)[None],
        "BINARY",
        [_segment(source, analysis, algorithm, lesion) for lesion in analysis.lesions],
        content_label="LESION",
        content_description=codes.SENTENCE,
        **maker(source, algorithm, Kind.SEG, frame or source.number),
    )
    _refer_to_frame(draft, frame)
    _settle(draft)
    return completed(draft, source)


def tracking_uid(source: Source, analysis: Analysis, algorithm: Algorithm, lesion: Lesion) -> str:
    """Return the UID that a lesion has in segmentation and report alike."""
    return derived_uid("lesion", source.instance, str(analysis.scan.frame or 0), algorithm.key, repr(lesion.box))


def _segment(source: Source, analysis: Analysis, algorithm: Algorithm, lesion: Lesion) -> SegmentDescription:
    label = None if analysis.refined is None else analysis.refined.label
    identified = AlgorithmIdentificationSequence(
        "EchoDuet", codes.ARTIFICIAL_INTELLIGENCE, algorithm.version, MANUFACTURER, algorithm.parameters
    )
    segment = SegmentDescription(
        lesion.number,
        f"Lesion {lesion.number}",
        codes.ABNORMAL_STRUCTURE,
        codes.LESION,
        "AUTOMATIC",
        identified,
        tracking_uid=tracking_uid(source, analysis, algorithm, lesion),
        tracking_id=f"Lesion {lesion.number}",
        anatomic_regions=[codes.BREAST],
        display_color=CIELabColor.from_rgb(*(NO_CLASS if label is None else COLOURS[label])),
    )
    if source.side is not None:
        side = CodedConcept.from_code(codes.SIDES[source.side])
        segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [side]
    return segment


def _refer_to_frame(draft: Dataset, frame: int | None) -> None:
    """Say of which frame of a source with several the masks are."""
    if frame is None:
        return
    for own in draft.PerFrameFunctionalGroupsSequence:
        for derivation in own.DerivationImageSequence:
            derivation.SourceImageSequence[0].ReferencedFrameNumber = frame


def _settle(draft: Dataset) -> None:
    """Give what highdicom leaves to chance or leaves out."""
    organization = derived_uid("dimensions", "segment")
    for item in (*draft.DimensionOrganizationSequence, *draft.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    # Type 2: nobody knows how a free-hand picture lies, and nobody drew the masks.
    draft.PatientOrientation = draft.ContentCreatorName = None
