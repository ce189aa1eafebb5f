"""Detection lesion by lesion: connected components matched one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from echoduet.evaluation.overlap import require_same_shape
from echoduet.records import Mask

MATCH_IOU = 0.1
"""Overlap from which a predicted component counts as the lesion: rough localisation, as in nnDetection (2021)."""

SPECK_SHARE = 1e-4
"""Components below this share of the image are not counted: 22 outlines in BUSI carry stray pixels (1 to 8 of them)."""

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Detection:
    """Lesions of one image: how many there are, how many were found, how many answers match none."""

    lesions: int
    found: int
    false: int


def detect(predicted: Mask, reference: Mask, min_iou: float = MATCH_IOU, min_area: float = 0.0) -> Detection:
    """Match the predicted components to the reference's, one to one, so that the summed IoU is largest.

    Components are 8-connected; those of fewer than `min_area` pixels are not counted on either side. A pair counts
    when its IoU is at least `min_iou`.

    Raises:
        ShapeError: the masks differ in shape.
    """
    require_same_shape(predicted, reference)
    overlap = component_iou(predicted, reference, min_area)
    answers, lesions = overlap.shape
    eligible = np.where(overlap >= min_iou, overlap, 0.0)
    rows, columns = linear_sum_assignment(eligible, maximize=True)
    found = int((eligible[rows, columns] > 0).sum())
    return Detection(lesions=lesions, found=found, false=answers - found)


def component_iou(predicted: Mask, reference: Mask, min_area: float = 0.0) -> NDArray[np.float64]:
    """Return the IoU of every predicted component with every reference component, `(answers, lesions)`.

    Components of fewer than `min_area` pixels have no row or column.
    """
    ours, answers = ndimage.label(predicted, structure=_EIGHT_NEIGHBOURS)
    theirs, lesions = ndimage.label(reference, structure=_EIGHT_NEIGHBOURS)
    pairs = np.bincount((ours * (lesions + 1) + theirs).ravel(), minlength=(answers + 1) * (lesions + 1))
    # Row and column 0 hold the background: they complete the areas, and are then dropped.
    table = pairs.reshape(answers + 1, lesions + 1)
    our_areas, their_areas = table.sum(axis=1)[1:], table.sum(axis=0)[1:]
    shared = table[1:, 1:]
    overlap = shared / (our_areas[:, None] + their_areas[None, :] - shared)
    return np.asarray(overlap[our_areas >= min_area][:, their_areas >= min_area], dtype=np.float64)
