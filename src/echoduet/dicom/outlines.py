"""The refined mask, lesion by lesion: as numbers of pixels, and as polygons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from echoduet.errors import ShapeError
from echoduet.records import Analysis, Box, Lesion

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)

LesionNumbers = NDArray[np.uint16]
"""For every pixel the number of the lesion that it belongs to, 0 for none, `(H, W)`."""

Polygon = NDArray[np.float64]
"""Corners as column and row, the first one repeated at the end, `(N, 2)`; the frame's upper left corner is (0, 0)."""


def number_lesions(analysis: Analysis) -> LesionNumbers:
    """Return the refined mask with each pixel named by its lesion.

    Raises:
        ShapeError: mask and lesions are not of one answer.
    """
    numbers = np.zeros(analysis.scan.shape, dtype=np.uint16)
    if analysis.refined is None or analysis.refined.mask is None:
        return numbers
    components, found = ndimage.label(analysis.refined.mask, structure=_EIGHT_NEIGHBOURS)
    # No two 8-connected components have one box: the paths from side to side and from top to bottom would meet.
    places = {_box(place): number for number, place in enumerate(ndimage.find_objects(components), start=1)}
    if found != len(analysis.lesions) or any(lesion.box not in places for lesion in analysis.lesions):
        raise ShapeError(f"{analysis.scan.name}: its lesions are not those of its mask. Measure this mask.")
    for lesion in analysis.lesions:
        place = lesion.box.slices
        numbers[place][components[place] == places[lesion.box]] = lesion.number
    return numbers


def _box(place: tuple[slice, slice]) -> Box:
    rows, columns = place
    return Box(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)


def outline(numbers: LesionNumbers, lesion: Lesion) -> Polygon:
    """Return the outer contour of a lesion, half-way between its pixels' centres and those around it; holes are lost.

    The coordinates are those of DICOM's SCOORD (PS3.3, C.18.6): the centre of the upper left pixel is (0.5, 0.5).
    """
    from skimage.measure import find_contours  # noqa: PLC0415  # slow to import, and needed for a report alone only

    own = np.pad(numbers[lesion.box.slices] == lesion.number, 1).astype(np.float64)
    contours = find_contours(own, 0.5, fully_connected="high")
    outer = max(contours, key=lambda points: np.ptp(points[:, 0]) * np.ptp(points[:, 1]))
    rows, columns = outer[:, 0] - 0.5 + lesion.box.top, outer[:, 1] - 0.5 + lesion.box.left
    return np.stack([columns, rows], axis=1)
