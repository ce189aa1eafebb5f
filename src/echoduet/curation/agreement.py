"""Where two related images are outlined: the Dice of their masks, once one is laid over the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.relations import Pair, Transform
from echoduet.data.manifest import in_threads
from echoduet.data.masks import read_mask
from echoduet.progress import Progress, silent
from echoduet.records import Case, Mask

SIDE = 192
"""Longest side at which masks are compared, in pixels; larger ones are shrunk to it."""

BACKGROUND, LESION = 1, 2
"""Values of a plane that is laid over another; outside of it is 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A mask, small and packed, eight pixels a byte: those of 100,000 images must fit into memory.

    Attributes:
        bits: the packed mask; None when it is empty.
        shape: its height and width.
        shrink: its width and height as a share of the image's.
    """

    bits: NDArray[np.uint8] | None
    shape: tuple[int, int]
    shrink: tuple[float, float]

    @property
    def mask(self) -> Mask:
        """The mask, `shape`."""
        height, width = self.shape
        if self.bits is None:
            return np.zeros(self.shape, np.bool_)
        return np.unpackbits(self.bits, count=height * width).reshape(self.shape).view(np.bool_)

    @property
    def from_native(self) -> NDArray[np.float64]:
        """The matrix `(3, 3)` from the image's pixels to those of the mask; centres have whole coordinates."""
        x, y = self.shrink
        return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])

    @property
    def to_native(self) -> NDArray[np.float64]:
        """The matrix `(3, 3)` from the mask's pixels to those of the image."""
        x, y = self.shrink
        return np.array([[1 / x, 0, (1 / x - 1) / 2], [0, 1 / y, (1 / y - 1) / 2], [0, 0, 1]])


def mask_agreements(
    pairs: Sequence[Pair], cases: Mapping[str, Case], progress: Progress = silent
) -> dict[tuple[str, str], float]:
    """Return the Dice of the two masks of every pair, by its two ids, where both images exist once aligned.

    Raises:
        ImageError: a mask cannot be read.
    """
    needed = dict.fromkeys(case_id for pair in pairs for case_id in (pair.case_a, pair.case_b))
    read = in_threads(outline, [cases[case_id] for case_id in needed], progress, "reading masks")
    outlines = dict(zip(needed, read, strict=True))
    return {
        (pair.case_a, pair.case_b): agreement(outlines[pair.case_a], outlines[pair.case_b], pair.transform)
        for pair in progress(pairs, label="comparing masks", total=len(pairs))
    }


def outline(case: Case) -> Outline:
    """Read the united masks of a case; without any it is empty.

    Raises:
        ImageError: a mask cannot be read.
    """
    mask = read_mask(case.masks, None) if case.masks else None
    height, width = (case.height, case.width) if mask is None else mask.shape
    factor = min(1.0, SIDE / max(height, width, 1))
    shape = (max(1, round(height * factor)), max(1, round(width * factor)))
    shrink = (shape[1] / max(width, 1), shape[0] / max(height, 1))
    if mask is None or not mask.any():
        return Outline(None, shape, shrink)
    return Outline(np.packbits(_shrunk(mask, shape)), shape, shrink)


def _shrunk(mask: Mask, shape: tuple[int, int]) -> Mask:
    """Return the mask at another shape; a pixel is lesion where more than half of what it stands for is."""
    if mask.shape == shape:
        return mask
    plane = cv2.resize(mask.astype(np.uint8) * 255, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(plane > 127, np.bool_)


def agreement(a: Outline, b: Outline, transform: Transform) -> float:
    """Return the Dice of two outlines, 2|A∩B| / (|A| + |B|), where both images exist.

    `transform` lays image b over image a. Two that are empty there agree: 1.
    """
    if a.bits is None and b.bits is None:
        return 1.0
    laid = _laid(b, a, transform)
    mask_a, mask_b = a.mask & (laid > 0), laid == LESION
    total = np.count_nonzero(mask_a) + np.count_nonzero(mask_b)
    return 2 * np.count_nonzero(mask_a & mask_b) / total if total else 1.0


def _laid(b: Outline, a: Outline, transform: Transform) -> NDArray[np.uint8]:
    """Return what lies over each pixel of a: 0 nothing, else the background or the lesion of b."""
    native = np.eye(3)
    native[:2] = transform.matrix
    matrix = a.from_native @ native @ b.to_native
    plane = b.mask.view(np.uint8) * np.uint8(LESION - BACKGROUND) + np.uint8(BACKGROUND)
    laid = cv2.warpAffine(plane, matrix[:2], (a.shape[1], a.shape[0]), flags=cv2.INTER_NEAREST)
    return np.asarray(laid, np.uint8)
