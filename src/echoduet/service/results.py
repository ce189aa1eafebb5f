"""One picture's answer as the server keeps it: what is said about it, and its layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.records import CLASSES, Analysis, Lesion, Prediction, Uncertainty
from echoduet.service.layers import Layers, draw_layers
from echoduet.service.schemas import (
    BoxBody,
    CheckBody,
    ClassesBody,
    LesionBody,
    PointBody,
    ResultBody,
    SpacingBody,
    UncertaintyBody,
)

RESULT_OVERHEAD = 8_000
"""Bytes of memory that a result takes besides its pictures, roughly."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which picture of a request it is: number of the result and of the file, its name, and the frame."""

    index: int
    file: int
    name: str
    frame: int | None = None


@dataclass(slots=True)
class Kept:
    """A result as it is kept.

    Attributes:
        body: what is said about the picture, without addresses.
        layers: its pictures.
        lesions: those of the refined mask.
        header: of the DICOM file that it is of, shared by all of its frames; `headers.unpack_header` reads it.
        by_input: whether a failure is the picture's fault.
    """

    body: ResultBody
    layers: Layers
    lesions: tuple[Lesion, ...] = ()
    header: bytes | None = None
    by_input: bool = True

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        header = len(self.header or b"") if not self.body.frame else 0  # counted for the first frame
        return self.layers.size + RESULT_OVERHEAD + header


def failed(place: Place, sentence: str, by_input: bool) -> Kept:
    """Return the result of a picture about which nothing could be answered."""
    return Kept(ResultBody(**_place(place), status="failed", error=sentence), Layers({}), by_input=by_input)


def answered(place: Place, analysis: Analysis, header: bytes | None = None) -> Kept:
    """Return the result of a picture that was answered about, or refused.

    Args:
        place: which picture it is.
        analysis: everything that is answered.
        header: of the DICOM file that the picture is from.
    """
    scan, raw, refined = analysis.scan, analysis.raw, analysis.refined
    height, width = scan.shape
    body = ResultBody(
        **_place(place),
        status="answered" if refined is not None else "refused",
        width=width,
        height=height,
        spacing=SpacingBody.model_validate(scan.spacing) if scan.spacing else None,
        region=BoxBody.model_validate(scan.region) if scan.region else None,
        checks=[CheckBody.model_validate(check) for check in analysis.checks],
        label=refined.label if refined else None,
        label_raw=raw.label if raw else None,
        probabilities=_classes(raw.probabilities) if raw else None,
        lesion_area_px=_area(refined),
        lesion_area_raw_px=_area(raw),
        lesions=lesion_bodies(analysis.lesions),
        uncertainty=_uncertainty(analysis.uncertainty),
    )
    return Kept(body, draw_layers(analysis), analysis.lesions, header)


def lesion_bodies(lesions: Iterable[Lesion]) -> list[LesionBody]:
    """Return measured lesions as they are sent."""
    return [_lesion(lesion) for lesion in lesions]


def _place(place: Place) -> dict[str, Any]:
    return {"index": place.index, "file": place.file, "name": place.name, "frame": place.frame}


def _lesion(lesion: Lesion) -> LesionBody:
    return LesionBody(
        number=lesion.number,
        box=BoxBody.model_validate(lesion.box),
        centre=PointBody(row=lesion.centre[0], column=lesion.centre[1]),
        unit=lesion.unit,
        area=lesion.area,
        longest=lesion.longest,
        shortest=lesion.shortest,
        width=lesion.width,
        height=lesion.height,
        width_height_ratio=lesion.width / lesion.height,
        orientation=lesion.orientation,
        circularity=lesion.circularity,
        probability=lesion.probability,
    )


def _classes(values: NDArray[np.float64] | None) -> ClassesBody | None:
    if values is None:
        return None
    return ClassesBody(**{label.value: float(values[label.position]) for label in CLASSES})


def _uncertainty(uncertainty: Uncertainty | None) -> UncertaintyBody | None:
    if uncertainty is None:
        return None
    return UncertaintyBody(
        readings=uncertainty.readings, outline=uncertainty.outline, classes=_classes(uncertainty.classes)
    )


def _area(prediction: Prediction | None) -> int | None:
    return None if prediction is None or prediction.mask is None else int(prediction.mask.sum())
