"""What the prediction server answers, as JSON."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from echoduet.inference.rows import NOTICE
from echoduet.records import Ground, Label


class Mode(StrEnum):
    """Whether an answer is waited for."""

    AUTO = "auto"
    SYNC = "sync"
    JOB = "job"


class Status(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Layer(StrEnum):
    """A picture of a result, the size of the frame."""

    IMAGE = "image"
    MASK = "mask"
    MASK_RAW = "mask_raw"
    PROBABILITY = "probability"
    UNCERTAINTY = "uncertainty"
    EXPLANATION = "explanation"
    CORRECTION = "correction"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class ErrorBody(_Body):
    """Why a request is refused."""

    error: str = Field(description="One or two sentences.")


class SpacingBody(_Body):
    """Size of a pixel, mm."""

    row: float
    column: float


class BoxBody(_Body):
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int


class PointBody(_Body):
    """A place in the frame, pixels; whole numbers are the middles of pixels."""

    row: float = Field(allow_inf_nan=False)
    column: float = Field(allow_inf_nan=False)


class CheckBody(_Body):
    """What a test of the picture found; it refuses where the score reaches the threshold."""

    ground: Ground
    score: float
    threshold: float
    refuses: bool


class ClassesBody(_Body):
    """A number for each class."""

    benign: float
    malignant: float
    normal: float


class LesionBody(_Body):
    """One outlined lesion; lengths are in `unit`, the area in its square."""

    number: int
    box: BoxBody
    centre: PointBody
    unit: Literal["mm", "px"]
    area: float
    longest: float = Field(description="Longest diameter.")
    shortest: float = Field(description="Shortest diameter.")
    width: float
    height: float
    width_height_ratio: float = Field(description="Below 1: taller than wide.")
    orientation: float = Field(description="Of the longest diameter, degrees to the horizontal.")
    circularity: float
    probability: float | None = Field(description="Mean lesion probability of its pixels.")


class UncertaintyBody(_Body):
    """How far several readings of the picture lie apart (standard deviations)."""

    readings: int
    outline: float | None
    classes: ClassesBody | None


class LayersBody(_Body):
    """Where the pictures of a result are."""

    image: str | None = None
    mask: str | None = None
    mask_raw: str | None = None
    probability: str | None = None
    uncertainty: str | None = None
    explanation: str | None = None
    correction: str | None = None


class DocumentsBody(_Body):
    """Where the files of a result are; the DICOM ones for DICOM pictures only."""

    seg: str | None = None
    sr: str | None = None
    sc: str | None = None
    nifti: str | None = None
    overlay: str | None = None


class ResultBody(_Body):
    """What is answered about one picture, or one frame."""

    index: int
    file: int = Field(description="Number of the file in the request, from 0.")
    name: str = Field(description="What its sender calls the file, folders and control characters taken out.")
    frame: int | None = Field(default=None, description="Number of the frame in the file, from 0.")
    status: Literal["answered", "refused", "failed"]
    error: str | None = None
    width: int | None = None
    height: int | None = None
    spacing: SpacingBody | None = None
    region: BoxBody | None = Field(default=None, description="Where the ultrasound picture lies; null for all of it.")
    checks: list[CheckBody] = []
    label: Label | None = Field(default=None, description="With mask and class in agreement.")
    label_raw: Label | None = Field(default=None, description="The most probable class.")
    probabilities: ClassesBody | None = None
    lesion_area_px: int | None = None
    lesion_area_raw_px: int | None = None
    lesions: list[LesionBody] = []
    uncertainty: UncertaintyBody | None = None
    correction_lesions: list[LesionBody] | None = Field(default=None, description="Of a person's mask, measured anew.")
    layers: LayersBody = LayersBody()
    documents: DocumentsBody = DocumentsBody()


class JobBody(_Body):
    """What was asked for in one request, how far it is, and the results so far."""

    id: str
    status: Status
    created: datetime
    finished: datetime | None
    files: int
    frames_done: int
    frames_total: int | None = Field(description="Null until every file was opened.")
    model: str
    notice: str = NOTICE
    results: list[ResultBody]


class CaliperBody(_Body):
    """Two places in a frame whose distance a person wants to know."""

    start: PointBody
    end: PointBody


class MarkedBody(_Body):
    """A result with calipers on it."""

    index: int = Field(ge=0, le=10**9, description="Number of the result.")
    calipers: list[CaliperBody] = Field(min_length=1, max_length=1000)


class PartBody(_Body):
    """What an archive is to hold of one job."""

    job: str = Field(max_length=64, description="Its id.")
    results: list[Annotated[int, Field(ge=0, le=10**9)]] | None = Field(
        default=None, max_length=100_000, description="Numbers of the results; all when null."
    )
    calipers: list[MarkedBody] = Field(default=[], max_length=100_000)


class ExportBody(_Body):
    """What an archive is to hold."""

    parts: list[PartBody] = Field(min_length=1, max_length=10_000)


class DistanceBody(CaliperBody):
    """The distance of a caliper."""

    number: int
    length: float
    unit: Literal["mm", "px"]
    reason: str | None = Field(description="Why it is in pixels.")


class CalipersBody(_Body):
    """calipers.json of an archive: what a person measured on a picture."""

    notice: str
    file: str
    frame: int | None
    calipers: list[DistanceBody]


class MalignantBinBody(_Body):
    """Images whose probability of malignant was in one range, and how many of these were malignant."""

    low: float = Field(description="Lower end of the range, not part of it.")
    high: float = Field(description="Upper end, part of it.")
    n: int = Field(description="Images.")
    malignant: int = Field(description="Malignant images among them.")


class CalibrationBody(_Body):
    """How far the probability of the class answered is off, measured on images that the networks had not seen."""

    ece: float = Field(description="Expected calibration error, 0 to 1.")
    n: int = Field(description="Images.")
    text: str
    malignant_ece: float | None = Field(description="Expected calibration error of malignant, 0 to 1.")
    malignant_bins: list[MalignantBinBody] = Field(description="What probabilities of malignant were worth.")


class ModelBody(_Body):
    """A model that answers."""

    name: str
    default: bool
    runtime: str
    input_size: int
    classes: list[str]
    thresholds: dict[str, float]
    calibration: CalibrationBody | None
    card: str | None
    research_use_only: Literal[True] = True


class ModelsBody(_Body):
    """The models of this server."""

    models: list[ModelBody]


class HealthBody(_Body):
    """Whether the server is alive, or ready."""

    status: Literal["ok", "not ready"]
    problems: list[str] = []
