"""From what members read in an image and its mirror image to one answer, and how far they lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from echoduet.errors import ModelError
from echoduet.inference.runtime import Readings, Runtime
from echoduet.transforms.preprocess import Probability

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network answered about one image, before anything is decided.

    Attributes:
        case_id: the case.
        shape: the image's own size, `(H, W)`.
        lesion: lesion probability on the network's input, `(S, S)` float32; None without a mask head.
        classes: class probabilities, `(3,)` float64; None without a class head.
    """

    case_id: str
    shape: tuple[int, int]
    lesion: Probability | None
    classes: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Views:
    """Every reading of a batch, `V` an image: by each member, of the image and, where asked for, of its mirror image.

    Attributes:
        lesion: `(B, V, S, S)` float32; None without a mask head.
        classes: `(B, V, 3)` float64; None without a class head.
        counted: how many of the first readings make the answer; the others only tell how sure it is.
    """

    lesion: NDArray[np.float32] | None
    classes: NDArray[np.float64] | None
    counted: int

    @property
    def number(self) -> int:
        """How many readings there are of each image, `V`."""
        either = self.classes if self.lesion is None else self.lesion
        assert either is not None
        return int(either.shape[1])

    def answer(self, index: int, case_id: str, shape: tuple[int, int]) -> Answer:
        """Return the mean of the counted readings of one image of the batch."""
        lesion = None if self.lesion is None else self.lesion[index, : self.counted].mean(axis=0)
        classes = None if self.classes is None else self.classes[index, : self.counted].mean(axis=0)
        return Answer(case_id, shape, lesion, classes)


def read_views(runtime: Runtime, images: NDArray[np.uint8], mirrored: bool, at_least_two: bool = False) -> Views:
    """Return all readings of gray images `(B, S, S)`.

    Args:
        runtime: runs the network.
        images: the batch.
        mirrored: whether the mirror image is read as well, and counts.
        at_least_two: read the mirror image where there would be one reading only; it does not count then.

    Raises:
        ModelError: the network answers with values that are not numbers.
    """
    if not (mirrored or (at_least_two and runtime.members == 1)):
        first = runtime.read(images)
        return Views(_numbers(first.lesion), _numbers(first.classes), _members(first))
    turned = np.ascontiguousarray(images[:, :, ::-1])
    if len(images) == 1:
        # Two pictures at once keep the cores busier than one after the other.
        first, second = _halves(runtime.read(np.concatenate([images, turned])))
    else:
        first, second = runtime.read(images), runtime.read(turned)
    return _both(first, second, (2 if mirrored else 1) * _members(first))


def _both(first: Readings, second: Readings, counted: int) -> Views:
    """Join the readings of images and of their mirror images, which are turned back."""
    turned = None if second.lesion is None else second.lesion[..., ::-1]
    lesion, classes = _joined(first.lesion, turned), _joined(first.classes, second.classes)
    return Views(_numbers(lesion), _numbers(classes), counted)


def _halves(readings: Readings) -> tuple[Readings, Readings]:
    """Part the readings of a pair of images."""
    lesion, classes = readings.lesion, readings.classes
    one, other = (
        Readings(None if lesion is None else lesion[part], None if classes is None else classes[part])
        for part in (slice(0, 1), slice(1, 2))
    )
    return one, other


def _members(readings: Readings) -> int:
    either = readings.classes if readings.lesion is None else readings.lesion
    if either is None:
        raise ModelError("The model neither outlines nor classifies. Give one with a mask head or a class head.")
    return int(either.shape[1])


def _joined(first: NDArray[Scalar] | None, second: NDArray[Scalar] | None) -> NDArray[Scalar] | None:
    return None if first is None or second is None else np.concatenate([first, second], axis=1)


def _numbers(values: NDArray[Any] | None) -> NDArray[Any] | None:
    if values is not None and not np.isfinite(values).all():
        raise ModelError("The model answers with values that are not numbers: its training broke. Train it again.")
    return values
