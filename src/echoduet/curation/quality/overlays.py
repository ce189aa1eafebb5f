"""Where graphics are burnt into a picture: calipers, dotted lines, letters, body marks, logos."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.records import GrayImage, Mask

STROKE = 5
"""Wider strokes, in pixels, are not told from tissue."""

LEAST_CONTRAST = 40
"""Least brightness of a stroke over its surroundings, in gray levels."""

OVER_TISSUE = 2.0
"""Least contrast of a stroke, as a multiple of the finest structures' own (95th percentile in the picture)."""

PEAK = 1.5
"""The brightest point of a stroke, as a multiple of the least contrast."""

SHARPNESS = 0.7
"""Share of its height that a stroke falls within one pixel of its rim. The beam smooths tissue, but not graphics."""

CROWD, COMPANY = 25, 10
"""Graphics come in company: so many pixels of strokes within a square of that side; a lone glint has none."""

LARGEST = 1000
"""Wider pictures are looked at reduced by a whole number, in which their thick strokes are thin."""

_STROKE = np.ones((STROKE, STROKE), np.uint8)
_NEXT = np.ones((3, 3), np.uint8)


def overlay_mask(gray: GrayImage) -> Mask:
    """Mark burnt-in graphics: bright, thin and sharper than any tissue, `(H, W)`.

    Works best on the image in its own size: shrunk by more than two, strokes blur and look like tissue. Mark first, and
    shrink what was marked (`shrink_overlay`).

    Args:
        gray: the image, `(H, W)`.
    """
    step = -(-max(gray.shape) // LARGEST)
    if step == 1:
        return _mark(gray)
    height, width = gray.shape
    small = cv2.resize(gray, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    return _resized(_mark(np.asarray(small, np.uint8)), (height, width), cv2.INTER_NEAREST)


def shrink_overlay(mask: Mask, shape: tuple[int, int]) -> Mask:
    """Return the mask at a smaller shape `(h, w)`: a pixel is marked when any part of it was.

    Args:
        mask: marks on the image in its own size, `(H, W)`.
        shape: height and width of the smaller picture.
    """
    if shape[0] >= mask.shape[0] and shape[1] >= mask.shape[1]:
        return _resized(mask, shape, cv2.INTER_NEAREST)
    covered = cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(covered > 1e-6, dtype=np.bool_)


def _mark(gray: GrayImage) -> Mask:
    floor = cv2.erode(gray, _STROKE)
    height = np.asarray(cv2.subtract(gray, cv2.dilate(floor, _STROKE)), np.uint8)
    least = max(LEAST_CONTRAST, OVER_TISSUE * _percentile(height, 0.95))
    found = (height >= least).view(np.uint8)
    where = np.flatnonzero(found)
    mask = np.zeros(gray.size, np.uint8)
    if len(where):
        count, labels = cv2.connectedComponents(found, connectivity=8, ltype=cv2.CV_32S)
        part, bright = np.asarray(labels, np.int32).ravel()[where], gray.ravel()[where].astype(np.float64)
        next_to, around = cv2.erode(gray, _NEXT).ravel()[where], floor.ravel()[where]
        rim = cv2.erode(found, _NEXT).ravel()[where] == 0
        step, fall = (np.bincount(part, rim * (bright - low), count) for low in (next_to, around))
        sharp = step >= SHARPNESS * fall
        peak = np.zeros(count, np.uint8)
        np.maximum.at(peak, part, height.ravel()[where])
        stroke = (sharp & (peak >= PEAK * least))[part]
        mask[where[stroke]] = 1
        mask[where[stroke][~_in_company(mask.reshape(gray.shape), where[stroke], part[stroke])]] = 0
    return mask.reshape(gray.shape).view(np.bool_)


def _in_company(mask: NDArray[np.uint8], where: NDArray[np.intp], part: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell of each marked pixel whether a pixel of its part has many others around it, `(N,)`."""
    near = cv2.boxFilter(mask, cv2.CV_32F, (CROWD, CROWD), normalize=False, borderType=cv2.BORDER_CONSTANT)
    crowded = np.zeros(int(part.max(initial=0)) + 1, np.bool_)
    crowded[part[near.ravel()[where] >= COMPANY - 0.5]] = True
    return np.asarray(crowded[part], dtype=np.bool_)


def _percentile(values: GrayImage, share: float) -> int:
    counts = np.bincount(values[::2, ::2].ravel(), minlength=256).cumsum()
    return int(np.searchsorted(counts, share * counts[-1]))


def _resized(mask: Mask, shape: tuple[int, int], interpolation: int) -> Mask:
    resized = cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=interpolation)
    return np.asarray(resized, dtype=np.bool_)
