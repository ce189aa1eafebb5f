"""The overlay as a Secondary Capture, for viewers that show neither segmentation nor report."""

from __future__ import annotations

import numpy as np
from highdicom.sc import SCImage
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from echoduet.dicom import codes
from echoduet.dicom.identity import Algorithm, Kind
from echoduet.dicom.instances import completed, maker
from echoduet.dicom.source import Source
from echoduet.inference.overlay import draw_overlay
from echoduet.records import Analysis, ColourImage

_PADDING = 4


def capture(source: Source, analysis: Analysis, algorithm: Algorithm) -> Dataset | None:
    """Return the frame with contour, answer and the research sentence, in colours; None where it was refused.

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
        with_sentence(draw_overlay(analysis.scan.image, analysis.refined)),
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


def with_sentence(picture: ColourImage) -> ColourImage:
    """Return a picture `(H, W, 3)` with the research sentence in a strip below it; a narrow one is widened."""
    height, width = picture.shape[:2]
    font = ImageFont.load_default(size=max(12, round(min(height, width) / 36)))
    box = font.getbbox(codes.SENTENCE)
    canvas = Image.new("RGB", (max(width, int(box[2]) + 2 * _PADDING), height + int(box[3]) + 2 * _PADDING))
    canvas.paste(Image.fromarray(picture), (0, 0))
    ImageDraw.Draw(canvas).text((_PADDING, height + _PADDING), codes.SENTENCE, fill=(255, 255, 255), font=font)
    return np.asarray(canvas)
