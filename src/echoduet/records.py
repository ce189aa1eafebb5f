"""The nouns that every room shares. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GrayImage = NDArray[np.uint8]
"""A gray image, `(H, W)`, values 0-255."""

Mask = NDArray[np.bool_]
"""A boolean lesion mask, `(H, W)`."""


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
