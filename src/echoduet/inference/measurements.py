"""Outlined lesions, each measured as with calipers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.records import Box, Lesion, Mask, PixelMap, Spacing

_PIXELS = Spacing(1.0, 1.0)

FloatArray = NDArray[np.float64]


def measure_lesions(
    mask: Mask, spacing: Spacing | None = None, probability: PixelMap | None = None
) -> tuple[Lesion, ...]:
    """Return one entry for each 8-connected component of a mask, the largest area first.

    Diameters and extents are those of the pixels' squares, not of their centres: one pixel is one pixel wide.

    Args:
        mask: `(H, W)`.
        spacing: size of a pixel; without it everything is told in pixels.
        probability: lesion probability, `(H, W)`, for each lesion's mean.
    """
    found = [_measure(component, spacing, probability) for component in _components(mask)]
    found.sort(key=lambda lesion: (-lesion.area, lesion.box.top, lesion.box.left))
    return tuple(replace(lesion, number=number) for number, lesion in enumerate(found, start=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Component:
    """One component of a mask.

    Attributes:
        own: its pixels, cropped to the box.
        box: where it lies.
        centre: mean row and column of its pixels.
        pixels: how many there are.
    """

    own: Mask
    box: Box
    centre: tuple[float, float]
    pixels: int


def bounding_box(mask: Mask) -> Box | None:
    """Return the smallest box that holds all pixels of a mask `(H, W)`; None where it has none."""
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return Box(top, left, height, width) if width else None


def _components(mask: Mask) -> Iterator[_Component]:
    """Yield each 8-connected component."""
    whole = bounding_box(mask)
    if whole is None:
        return
    # Numbering the rest of the image too would take most of the time.
    inside = mask[whole.slices].view(np.uint8)
    _, numbered, boxes, centres = cv2.connectedComponentsWithStats(inside, connectivity=8)
    for number in range(1, len(boxes)):
        x, y, columns, rows, count = map(int, boxes[number])
        own = np.asarray(numbered[y : y + rows, x : x + columns] == number)
        across, down = map(float, centres[number])
        box, centre = Box(whole.top + y, whole.left + x, rows, columns), (whole.top + down, whole.left + across)
        yield _Component(own, box, centre, count)


def _measure(component: _Component, spacing: Spacing | None, probability: PixelMap | None) -> Lesion:
    own, box, size = component.own, component.box, spacing or _PIXELS
    hull = _hull(own, size)
    longest, orientation = _longest(hull)
    return Lesion(
        number=0,
        box=box,
        centre=component.centre,
        unit="px" if spacing is None else "mm",
        area=component.pixels * size.row * size.column,
        longest=longest,
        shortest=_shortest(hull),
        width=box.width * size.column,
        height=box.height * size.row,
        orientation=orientation,
        circularity=circularity(own, size),
        probability=None if probability is None else cv2.mean(probability[box.slices], own.view(np.uint8))[0],
    )


def _hull(own: Mask, size: Spacing) -> FloatArray:
    """Return the corners of the convex hull of the pixels' squares, `(N, 2)` as x and y (down), in order."""
    # The hull of a row's pixels is spanned by its first and its last one.
    rows = np.flatnonzero(own.any(axis=1))
    first = own[rows].argmax(axis=1)
    last = own.shape[1] - own[rows][:, ::-1].argmax(axis=1)
    points = np.stack([np.concatenate([first, first, last, last]), np.concatenate([rows, rows + 1] * 2)], axis=1)
    outline = cv2.convexHull(points.astype(np.int32))[:, 0].astype(np.float64)
    return np.asarray(outline * (size.column, size.row))


def _longest(hull: FloatArray) -> tuple[float, float]:
    """Return the largest distance of two corners, and the angle of the line between them, degrees."""
    between = hull[:, None] - hull[None]
    distances = np.hypot(between[..., 0], between[..., 1])
    one, other = np.unravel_index(int(distances.argmax()), distances.shape)
    x, y = between[one, other]
    angle = math.degrees(math.atan2(-y, x))  # y points down, angles go up
    turned = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
    return float(distances[one, other]), turned


def _shortest(hull: FloatArray) -> float:
    """Return the least distance of two parallels that hold the hull; one lies on an edge (rotating calipers)."""
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.hypot(edges[:, 0], edges[:, 1])[:, None]
    reach = normals @ hull.T
    return float((reach.max(axis=1) - reach.min(axis=1)).min())


def circularity(own: Mask, size: Spacing = _PIXELS) -> float:
    """Return 4 pi area / perimeter^2 of a component, its holes filled: 1 for a disc, less for anything else.

    The perimeter is Crofton's in four directions, as in scikit-image, on square pixels: a mask whose pixels are not
    square is first brought to their longer side, since a finer grid would keep the steps of the coarse one and count
    them. What comes out above 1, as it may for a few pixels, is 1.

    Args:
        own: the component, `(H, W)`.
        size: of a pixel; only its proportion matters.
    """
    square = _with_square_pixels(_filled(own), size)
    return min(1.0, 4 * math.pi * np.count_nonzero(square) / _perimeter(square) ** 2)


def _perimeter(mask: Mask) -> float:
    """Return the length of the outline of what is true inside a border of background, in pixels.

    Crofton's formula: pi / 2 times the mean, over directions, of how often parallel lines cross the outline, times
    their distance, which is 1 along rows and columns and 1 / sqrt(2) along diagonals (Legland et al., 2007).
    """
    straight = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    slanted = np.count_nonzero(mask[1:, 1:] != mask[:-1, :-1]) + np.count_nonzero(mask[1:, :-1] != mask[:-1, 1:])
    return math.pi / 8 * (straight + slanted / math.sqrt(2))


def _filled(own: Mask) -> Mask:
    """Return a component without its holes, one pixel of background around it."""
    outside = np.pad(~own, 1, constant_values=True)
    _, numbered = cv2.connectedComponents(outside.view(np.uint8), connectivity=4)
    return np.asarray(numbered != numbered[0, 0])


def _with_square_pixels(mask: Mask, size: Spacing) -> Mask:
    if size.row == size.column:
        return mask
    most = max(size.row, size.column)
    height, width = (max(1, round(n * s / most)) for n, s in zip(mask.shape, (size.row, size.column), strict=True))
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    coarse = np.pad(np.asarray(share) >= 0.5, 1)
    return coarse if coarse.any() else mask  # what is thinner than half a pixel would vanish
