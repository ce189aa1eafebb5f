"""The nouns that every room shares. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

GrayImage = NDArray[np.uint8]
"""A gray image, `(H, W)`, values 0-255."""

ColourImage = NDArray[np.uint8]
"""A colour image, `(H, W, 3)`, red, green, blue, values 0-255."""

Mask = NDArray[np.bool_]
"""A boolean lesion mask, `(H, W)`."""

PixelMap = NDArray[np.float32]
"""A number for every pixel, `(H, W)`."""


class Label(StrEnum):
    """What an image shows. The order is that of the class logits."""

    BENIGN = "benign"
    MALIGNANT = "malignant"
    NORMAL = "normal"

    @property
    def position(self) -> int:
        """Position among the class logits."""
        return CLASSES.index(self)


CLASSES: tuple[Label, ...] = (Label.BENIGN, Label.MALIGNANT, Label.NORMAL)


@dataclass(frozen=True, slots=True)
class Case:
    """One ultrasound image with what is known about it.

    `case_id` is the image's file name without extension. `group` ties cases that must stay on one side of a split:
    copies of one scan. `patient` does the same where patients are known. `width` and `height` are in pixels;
    `sha256` is that of the image file's bytes.
    """

    case_id: str
    image: Path
    masks: tuple[Path, ...]
    label: Label
    patient: str | None = None
    group: str | None = None
    source: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network says about one image.

    Attributes:
        case_id: the case, or the file's name without extension.
        mask: lesion mask at the image's own size, `(H, W)`; None when the model has no mask head.
        probabilities: class probabilities in the order of `CLASSES`, `(3,)`; None when there is no class head.
        label: the class answered; None when there is no class head. After refining it may differ from the arg max.
        faint: the mask that refining takes instead where the class answered has a lesion, `(H, W)`: cut at a share of
            the map's own peak, which lies below the mask threshold. None where nothing is so faint.
    """

    case_id: str
    mask: Mask | None
    probabilities: NDArray[np.float64] | None
    label: Label | None
    faint: Mask | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels: rows `top` to `top + height`, columns `left` to `left + width`, the ends left out."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between the centres of neighbouring pixels, in millimetres: down the rows, and along a row."""

    row: float
    column: float


@dataclass(frozen=True, slots=True)
class Scan:
    """One ultrasound picture to be answered about: a file, or one frame of it.

    Attributes:
        name: names the answer and its files; holds nothing about a patient.
        image: gray values, `(H, W)`, the whole frame.
        colour: the same in colours, `(H, W, 3)`, where the picture has any; None for a gray one.
        region: where in the frame the ultrasound picture lies; None for all of it. Nothing outside it is looked at.
        spacing: size of a pixel; None where it is not known.
        frame: number of the frame in its file, from 0; None for a file with one picture.
        panels: views that the file itself says lie side by side in the frame; `region` is the largest of them.
        colour_flow: whether the file itself says that a part of the frame shows colour Doppler.
    """

    name: str
    image: GrayImage
    colour: ColourImage | None = None
    region: Box | None = None
    spacing: Spacing | None = None
    frame: int | None = None
    panels: int = 1
    colour_flow: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the whole frame."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def inside(self) -> GrayImage:
        """What the network sees: the image, or its region."""
        return self.image if self.region is None else self.image[self.region.slices]

    @property
    def colour_inside(self) -> ColourImage | None:
        """The same in colours; None for a gray picture."""
        return self.colour if self.colour is None or self.region is None else self.colour[self.region.slices]


class Ground(StrEnum):
    """Why a picture is refused."""

    NOT_ULTRASOUND = "not_ultrasound"
    COLOUR_DOPPLER = "colour_doppler"
    MULTI_PANEL = "multi_panel"
    TOO_SMALL = "too_small"
    OUT_OF_DISTRIBUTION = "out_of_distribution"


@dataclass(frozen=True, slots=True)
class Check:
    """What one test of a picture found: it is refused on this ground where the score reaches the threshold."""

    ground: Ground
    score: float
    threshold: float

    @property
    def refuses(self) -> bool:
        """Whether the picture is refused on this ground."""
        return self.score >= self.threshold


@dataclass(frozen=True, slots=True)
class Lesion:
    """One outlined lesion, measured: one 8-connected component of a mask.

    Lengths are in `unit`, areas in its square.

    Attributes:
        number: from 1, the largest first.
        box: the upright rectangle around it, pixels of the whole frame.
        centre: row and column of its centre of mass, pixels.
        unit: `mm` where the spacing is known, else `px`.
        area: of its pixels.
        longest: longest diameter, the largest distance between two points of its outline (maximum Feret diameter).
        shortest: shortest diameter, least distance of two parallel lines that hold it (minimum Feret diameter).
        width: horizontal extent.
        height: vertical extent (depth); a lesion taller than wide has width / height below 1.
        orientation: angle between the longest diameter and the horizontal, degrees in (-90, 90]; positive where its
            right end is higher.
        circularity: 4 pi area / perimeter^2, 1 for a disc, less for anything else.
        probability: mean lesion probability of its pixels; None where it is not known.
    """

    number: int
    box: Box
    centre: tuple[float, float]
    unit: Literal["mm", "px"]
    area: float
    longest: float
    shortest: float
    width: float
    height: float
    orientation: float
    circularity: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How far several readings of one picture, by members of an ensemble and of the mirror image, lie apart.

    Attributes:
        readings: how many there were.
        spread: standard deviation of the lesion probability over the readings, `(H, W)`; None without a mask head.
        outline: mean spread over the pixels that any reading outlines, 0 (all agree) to 0.5; 0 where none outlines any;
            None without a mask head.
        classes: standard deviation of each class probability over the readings, `(3,)`, at the bundle's temperature;
            None without a class head.
    """

    readings: int
    spread: PixelMap | None
    outline: float | None
    classes: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is answered about one scan.

    Attributes:
        scan: what was asked about.
        checks: every test that was made of the picture, in the order of `Ground`.
        raw: the network's own answer, its mask that of the whole frame; None where the picture was refused.
        refined: the answer with mask and class in agreement; None where the picture was refused.
        lesions: of the refined mask, the largest first.
        lesion_map: lesion probability, `(H, W)`; None where refused, or without a mask head.
        uncertainty: None where refused, or where there was but one reading.
        explanation: how much each place speaks for the class answered, `(H, W)`, -1 to 1; None where not asked for.
    """

    scan: Scan
    checks: tuple[Check, ...]
    raw: Prediction | None = None
    refined: Prediction | None = None
    lesions: tuple[Lesion, ...] = ()
    lesion_map: PixelMap | None = None
    uncertainty: Uncertainty | None = None
    explanation: PixelMap | None = None

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks on whose ground the picture is refused; empty where it is not."""
        return tuple(check for check in self.checks if check.refuses)
