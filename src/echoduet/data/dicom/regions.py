"""Where in a frame the ultrasound picture lies, and how large its pixels are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from echoduet.data.dicom.guard import DAMAGE
from echoduet.records import Box, Spacing

_MOST_REGIONS = 64
_TWO_DIMENSIONAL = 1  # RegionSpatialFormat
_TISSUE, _COLOUR_FLOW = 1, 2  # RegionDataType
_CENTIMETRE = 3  # PhysicalUnitsXDirection, PhysicalUnitsYDirection

_SMALLEST_SIDE = 16
"""A region with a shorter side, in pixels, is no picture."""

_PIXEL_MM = (1e-3, 5.0)
"""Sizes of a pixel, in mm, that an ultrasound image may have; others are writers' mistakes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header says about the parts of a frame.

    Attributes:
        region: the largest two-dimensional tissue region; None where none is told, or it is the whole frame.
        spacing: size of its pixels; None where it is not told.
        panels: two-dimensional tissue regions that lie side by side, at least 1.
        colour_flow: whether there is a region of colour Doppler.
    """

    region: Box | None = None
    spacing: Spacing | None = None
    panels: int = 1
    colour_flow: bool = False


@dataclass(frozen=True, slots=True)
class _Region:
    box: Box
    data: int
    spacing: Spacing | None

    @property
    def area(self) -> int:
        return self.box.height * self.box.width


def read_layout(dataset: Dataset, rows: int, columns: int) -> Layout:
    """Return the layout of a frame of `rows` by `columns` pixels by its Sequence of Ultrasound Regions (PS3.3 C.8.5.5).

    Regions that cannot be, or say nothing of use, are passed over. Of colour Doppler the box lies inside the tissue's,
    so it does not count as a panel.
    """
    flat = [region for item in _items(dataset) if (region := _read_region(item, rows, columns))]
    tissue = sorted((region for region in flat if region.data == _TISSUE), key=lambda region: -region.area)
    colour_flow = any(region.data == _COLOUR_FLOW for region in flat)
    if not tissue:
        return Layout(None, _pixel_spacing(dataset), 1, colour_flow)
    largest = tissue[0]
    whole = largest.box == Box(0, 0, rows, columns)
    return Layout(
        None if whole else largest.box, largest.spacing or _pixel_spacing(dataset), _count_panels(tissue), colour_flow
    )


def _items(dataset: Dataset) -> Sequence[Dataset]:
    try:
        return list(dataset.get("SequenceOfUltrasoundRegions") or [])[:_MOST_REGIONS]
    except DAMAGE:
        return []  # a damaged sequence says nothing about the pixels, which may be whole


def _read_region(item: Dataset, rows: int, columns: int) -> _Region | None:
    """Return a two-dimensional region clipped to the frame; None where it is none."""
    try:
        if _whole(item, "RegionSpatialFormat") != _TWO_DIMENSIONAL:
            return None
        left, top = _whole(item, "RegionLocationMinX0"), _whole(item, "RegionLocationMinY0")
        right, bottom = _whole(item, "RegionLocationMaxX1"), _whole(item, "RegionLocationMaxY1")
        box = _clip(top, left, bottom + 1, right + 1, rows, columns)
        return None if box is None else _Region(box, _whole(item, "RegionDataType"), _region_spacing(item))
    except DAMAGE:
        return None


def _whole(item: Dataset, keyword: str) -> int:
    return int(item[keyword].value)


def _clip(top: int, left: int, bottom: int, right: int, rows: int, columns: int) -> Box | None:
    top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, rows), min(right, columns)
    if min(bottom - top, right - left) < min(_SMALLEST_SIDE, rows, columns):
        return None
    return Box(top, left, bottom - top, right - left)


def _region_spacing(item: Dataset) -> Spacing | None:
    """Return the size of a region's pixels, told in cm; the sign tells a direction only."""
    units = (item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection"))
    if units != (_CENTIMETRE, _CENTIMETRE):
        return None
    return _spacing(item.get("PhysicalDeltaY"), item.get("PhysicalDeltaX"), 10.0)


def _pixel_spacing(dataset: Dataset) -> Spacing | None:
    """Return Pixel Spacing, which is measured in the patient.

    Imager Pixel Spacing is that of a detector, Nominal Scanned Pixel Spacing that of a sheet of film: neither is.
    """
    value = dataset.get("PixelSpacing")
    if value is None or isinstance(value, str | bytes) or not hasattr(value, "__len__") or len(value) != 2:
        return None
    return _spacing(value[0], value[1], 1.0)


def _spacing(row: Any, column: Any, millimetres: float) -> Spacing | None:
    try:
        sizes = abs(float(row)) * millimetres, abs(float(column)) * millimetres
    except DAMAGE:
        return None
    smallest, largest = _PIXEL_MM
    if all(math.isfinite(size) and smallest <= size <= largest for size in sizes):
        return Spacing(*sizes)
    return None


def _count_panels(tissue: Sequence[_Region]) -> int:
    """Count regions of which none covers half of another: the same one told twice, or a zoomed part, is one."""
    apart: list[_Region] = []
    for region in tissue:
        if all(2 * _overlap(region.box, other.box) < region.area for other in apart):
            apart.append(region)
    return len(apart)


def _overlap(a: Box, b: Box) -> int:
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    return max(height, 0) * max(width, 0)
