"""The overlay as a Secondary Capture, for viewers that show neither segmentation nor report."""

from __future__ import annotations

from highdicom.sc import SCImage
from pydicom.dataset import Dataset

from echoduet.dicom import codes
from echoduet.dicom.identity import Algorithm, Kind
from echoduet.dicom.instances import completed, maker
from echoduet.dicom.source import Source
from echoduet.inference.overlay import draw_overlay
from echoduet.records import Analysis


def capture(source: Source, analysis: Analysis, algorithm: Algorithm) -> Dataset | None:
    """Return the frame with contour, answer and the notice of research use, in colours; None where it was refused.

    Args:
        source: the instance analysed.
        analysis: of the frame.
        algorithm: what answered.

    Raises:
        DicomError: patient or study of the source cannot be copied.
        ShapeError: the analysis is not of this source.
    """
    frame = source.frame_number(analysis)
    if analysis.refined is None:
        return None
    stand_in = source.stand_in()
    draft = SCImage.from_ref_dataset(
        stand_in,
        draw_overlay(analysis.scan.image, analysis.refined),
        "RGB",
        8,
        "PATIENT",
        patient_orientation=("L", "F"),  # highdicom insists on one; it is taken out below
        **maker(source, algorithm, Kind.SC, frame or source.number),
    )
    draft.add_new("PatientOrientation", "CS", None)
    draft.Laterality = source.side or ""  # of the series, in which this is the only place for it
    draft.ConversionType = "WSD"
    draft.DerivationDescription = f"Lesion contour and class drawn by EchoDuet. {codes.SENTENCE}"
    _refer(draft, source, frame)
    for element in stand_in.group_dataset(0x0028):
        if element.keyword.startswith("Lossy"):
            draft.add(element)
    # Whatever names the patient in the source's pixels does so here.
    if (burned := source.dataset.get("BurnedInAnnotation")) in ("YES", "NO"):
        draft.BurnedInAnnotation = burned
    return completed(draft, source)


def _refer(draft: Dataset, source: Source, frame: int | None) -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.sop_class, source.instance
    if frame is not None:
        reference.ReferencedFrameNumber = frame
    draft.SourceImageSequence = [reference]
