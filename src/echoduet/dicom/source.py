"""The instance that was analysed: what is taken from it, and how it is referred to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID, UltrasoundImageStorage

from echoduet.data.dicom.guard import guarded
from echoduet.errors import DicomError, ShapeError
from echoduet.records import Analysis

# Patient and study as every IOD requires them (type 1 and 2), and whose patient numbers they are.
PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


@dataclass(frozen=True, slots=True)
class Source:
    """An ultrasound instance with one or several frames.

    Attributes:
        dataset: its header; nothing is changed in it. Pixels are not needed.
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        rows: height of a frame, pixels.
        columns: width of a frame, pixels.
        frames: how many there are.
        number: Instance Number, 1 where there is none.
        side: which breast, where that is told.
    """

    dataset: Dataset = field(repr=False)  # it names the patient
    study: UID
    series: UID
    instance: UID
    sop_class: UID
    rows: int
    columns: int
    frames: int
    number: int
    side: Literal["L", "R"] | None

    @classmethod
    def of(cls, dataset: Dataset) -> Source:
        """Read what is needed of a dataset.

        Raises:
            DicomError: it lacks one of the UIDs or the size of its frames, or has one that is not valid.
        """
        instance = _uid(dataset, "SOPInstanceUID", "the DICOM instance")
        label = f"instance {instance}"
        frames = _count(dataset, "NumberOfFrames", label, 1)
        return cls(
            dataset,
            _uid(dataset, "StudyInstanceUID", label),
            _uid(dataset, "SeriesInstanceUID", label),
            instance,
            _uid(dataset, "SOPClassUID", label),
            _count(dataset, "Rows", label),
            _count(dataset, "Columns", label),
            frames,
            _number(dataset),
            _side(dataset),
        )

    def frame_number(self, analysis: Analysis) -> int | None:
        """Return the number of the frame analysed, from 1, as references state it; None where there is but one.

        Raises:
            ShapeError: the analysis is of a picture of another size, or of a frame that is not there.
        """
        if analysis.scan.shape != (self.rows, self.columns):
            height, width = analysis.scan.shape
            raise ShapeError(
                f"instance {self.instance}: its frames have {self.columns}x{self.rows} pixels, the picture analysed "
                f"{width}x{height}. Analyse the whole frame."
            )
        frame = analysis.scan.frame
        if self.frames == 1 and frame in (None, 0):
            return None
        if frame is None or not 0 <= frame < self.frames:
            raise ShapeError(
                f"instance {self.instance}: has {self.frames} frame(s), and frame {frame} was analysed. "
                "Give the scans of this instance."
            )
        return frame + 1

    def stand_in(self) -> Dataset:
        """Return what highdicom is given in place of the source.

        It names no patient, so that neither a log nor an error can; it has a single frame and no frame of reference,
        since highdicom refuses several frames without one; and it is of a class that highdicom knows.
        """
        copy = Dataset()
        copy.SOPClassUID = UltrasoundImageStorage
        copy.SOPInstanceUID, copy.SeriesInstanceUID, copy.StudyInstanceUID = self.instance, self.series, self.study
        copy.Modality, copy.Rows, copy.Columns = "US", self.rows, self.columns
        for keyword in PATIENT_AND_STUDY:
            if keyword not in ("StudyInstanceUID", "IssuerOfPatientID"):
                setattr(copy, keyword, "")
        with guarded(f"instance {self.instance}", "what it says about its lossy compression cannot be read"):
            for keyword in _LOSSY:
                if keyword in self.dataset:
                    copy.add(self.dataset[keyword])
        return copy

    def restate_class(self, draft: Dataset) -> None:
        """Give every reference to the source in an instance the source's own class, in place of the stand-in's."""

        def restate(item: Dataset, element: object) -> None:
            if item.get("ReferencedSOPInstanceUID") == self.instance:
                item.ReferencedSOPClassUID = self.sop_class

        draft.walk(restate)


def _uid(dataset: Dataset, keyword: str, label: str) -> UID:
    with guarded(label, f"its {keyword} cannot be read"):
        uid = UID(str(dataset.get(keyword, "") or ""))
    if not uid:
        raise DicomError(f"{label}: has no {keyword}, so nothing can refer to it. Export it again from its archive.")
    if not uid.is_valid:
        raise DicomError(f"{label}: its {keyword} is not a valid UID. Export it again from its archive.")
    return uid


def _count(dataset: Dataset, keyword: str, label: str, default: int = 0) -> int:
    with guarded(label, f"its {keyword} cannot be read"):
        value = int(dataset.get(keyword) or default)
    if value < 1:
        raise DicomError(f"{label}: has no {keyword}. Give an image.")
    return value


def _number(dataset: Dataset) -> int:
    try:
        return max(1, int(dataset.get("InstanceNumber") or 1))
    except (TypeError, ValueError):
        return 1  # only a label: a source without a number that can be read is no worse


def _side(dataset: Dataset) -> Literal["L", "R"] | None:
    for keyword in ("ImageLaterality", "Laterality"):
        if (value := dataset.get(keyword)) in ("L", "R"):
            return cast(Literal["L", "R"], value)
    return None
