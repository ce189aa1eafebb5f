"""Distances between the boundaries of two masks, in pixels.

A boundary point is a mask pixel with a 4-neighbour outside the mask; what lies beyond the image counts as outside.
Two empty masks agree (distance 0, NSD 1). When only one is empty there is nothing to measure to: the distance is then
the worst that the image allows, its diagonal, and the NSD is 0, so that a missed lesion never leaves a mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from echoduet.evaluation.overlap import joint_box, require_same_shape
from echoduet.records import Mask

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """Nearest distances between two boundaries, in pixels.

    Attributes:
        to_reference: from each boundary point of the predicted mask to the reference boundary, `(P,)`.
        to_predicted: from each boundary point of the reference to the predicted boundary, `(R,)`.
        diagonal: the image's diagonal, the distance of a miss.
    """

    to_reference: FloatArray
    to_predicted: FloatArray
    diagonal: float

    @property
    def hd95(self) -> float:
        """The larger of the two directed 95th percentiles (Hausdorff distance without its last 5 %)."""
        if self._undefined:
            return self._worst_or_zero
        return float(max(np.percentile(self.to_reference, 95), np.percentile(self.to_predicted, 95)))

    @property
    def assd(self) -> float:
        """The mean over all boundary points of both masks (average symmetric surface distance)."""
        if self._undefined:
            return self._worst_or_zero
        return float(np.concatenate([self.to_reference, self.to_predicted]).mean())

    def nsd(self, tolerance: float) -> float:
        """Return the share of boundary points within `tolerance` pixels of the other boundary.

        The normalised surface distance, or surface Dice, of Nikolov et al. (2018), on boundary pixels.
        """
        if self._undefined:
            return float(self._both_empty)
        near = int((self.to_reference <= tolerance).sum()) + int((self.to_predicted <= tolerance).sum())
        return near / (self.to_reference.size + self.to_predicted.size)

    @property
    def _undefined(self) -> bool:
        return self.to_reference.size == 0 or self.to_predicted.size == 0

    @property
    def _both_empty(self) -> bool:
        return self.to_reference.size == 0 and self.to_predicted.size == 0

    @property
    def _worst_or_zero(self) -> float:
        return 0.0 if self._both_empty else self.diagonal


def boundary(mask: Mask) -> Mask:
    """Return the mask's pixels that touch its outside through a side, `(H, W)`."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def surface_distances(predicted: Mask, reference: Mask) -> SurfaceDistances:
    """Measure both boundaries against each other.

    A search tree over the boundary points gives the exact distances of a distance transform at a cost that follows
    the contour's length, not the image's area.

    Raises:
        ShapeError: the masks differ in shape.
    """
    require_same_shape(predicted, reference)
    box = joint_box(predicted, reference)
    ours, theirs = np.argwhere(boundary(predicted[box])), np.argwhere(boundary(reference[box]))
    return SurfaceDistances(
        to_reference=_nearest(ours, theirs),
        to_predicted=_nearest(theirs, ours),
        diagonal=math.hypot(*reference.shape),
    )


def _nearest(points: NDArray[np.int64], targets: NDArray[np.int64]) -> FloatArray:
    if not len(targets):
        return np.full(len(points), np.inf)
    if not len(points):
        return np.empty(0)
    distances, _ = cKDTree(targets).query(points)
    return np.asarray(distances, dtype=np.float64)


def hd95(predicted: Mask, reference: Mask) -> float:
    """Return the 95th-percentile Hausdorff distance in pixels; see `SurfaceDistances.hd95`."""
    return surface_distances(predicted, reference).hd95


def assd(predicted: Mask, reference: Mask) -> float:
    """Return the average symmetric surface distance in pixels; see `SurfaceDistances.assd`."""
    return surface_distances(predicted, reference).assd


def nsd(predicted: Mask, reference: Mask, tolerance: float = 2.0) -> float:
    """Return the normalised surface distance at `tolerance` pixels; see `SurfaceDistances.nsd`."""
    return surface_distances(predicted, reference).nsd(tolerance)
