"""How one image lies over another: the similarity on which most of their common features agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.matching.features import Features
from echoduet.curation.relations import Transform

MIN_INLIERS = 5
"""Fewer features fit some similarity by chance: two always do, and four of unrelated images mostly."""

REACH = 3.0
"""How far, in pixels of the working picture, a feature may lie from where the transform puts it."""

LARGEST_SCALE = 6.0
"""Beyond it, both ways, the picture of one image is a spot in the other's."""

# The descriptor of a mirrored patch has its rows in reverse and its gradients turning the other way: 4 x 4 cells by
# rows across and columns along the feature's direction, 8 orientations counted from it.
MIRRORED = np.arange(128).reshape(4, 4, 8)[::-1][:, :, (0, 7, 6, 5, 4, 3, 2, 1)].ravel()
"""Positions that turn the descriptors of an image into those of the mirrored image."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How picture b lies over picture a.

    Attributes:
        transform: in pixels of the two working pictures.
        inliers: how many common features it puts in their places.
        strain: how far from their places these are, the median, in pixels of the coarser picture: next to nothing in
            two copies of one recording, more in two frames of tissue that has moved.
    """

    transform: Transform
    inliers: int
    strain: float


def align(a: Features, b: Features, mirrored: bool) -> Alignment | None:
    """Return the similarity that most features of two images agree on, or None where too few do.

    Features correspond when each is the other's nearest by Hellinger distance (RootSIFT: Arandjelovic and Zisserman,
    CVPR 2012); the similarity is RANSAC's, refined on all features that fit it.

    Args:
        a, b: the images.
        mirrored: whether b is taken as mirrored.
    """
    rows, columns = _mutually_nearest(
        rooted(a.descriptors), rooted(b.descriptors[:, MIRRORED] if mirrored else b.descriptors)
    )
    if len(rows) < MIN_INLIERS:
        return None
    source = b.points[columns, :2] * (np.float32(-1 if mirrored else 1), np.float32(1))
    goal = a.points[rows, :2]
    matrix, fits = cv2.estimateAffinePartial2D(
        source, goal, method=cv2.RANSAC, ransacReprojThreshold=REACH, maxIters=1000, refineIters=10
    )
    if matrix is None or np.count_nonzero(fits) < MIN_INLIERS:
        return None
    transform = _similarity(matrix, mirrored)
    if not 1 / LARGEST_SCALE < transform.scale < LARGEST_SCALE:
        return None
    astray = np.hypot(*(source @ matrix[:, :2].T + matrix[:, 2] - goal)[fits.ravel() > 0].T)
    return Alignment(transform, len(astray), float(np.median(astray)) / max(1.0, transform.scale))


def rooted(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the square roots of descriptors of sum 1: of length 1, `(K, 128)`."""
    values = descriptors.astype(np.float32)
    values /= np.maximum(values.sum(axis=1, keepdims=True), np.float32(1))
    return np.sqrt(values, out=values)


def _mutually_nearest(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if not len(a) or not len(b):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    likeness = a @ b.T
    nearest = likeness.argmax(axis=1)
    rows = np.flatnonzero(likeness.argmax(axis=0)[nearest] == np.arange(len(a)))
    return rows, nearest[rows]


def _similarity(matrix: NDArray[Any], mirrored: bool) -> Transform:
    """Return the transform of a matrix `[[c, -s, dx], [s, c, dy]]` on points that are mirrored already."""
    (c, _, dx), (s, _, dy) = matrix
    return Transform(mirrored, float(np.degrees(np.arctan2(s, c))), float(np.hypot(c, s)), float(dx), float(dy))
