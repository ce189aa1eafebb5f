"""Calipers: the distance in mm where the size of a pixel holds, else in pixels, and why."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from echoduet.inference.measurements import measure_lesions
from echoduet.records import Box, Scan, Spacing
from echoduet.service.calipers import NO_SPACING, OUTSIDE, measured
from echoduet.service.refusals import RefusedError
from echoduet.service.schemas import CaliperBody

SPACING = Spacing(0.2, 0.1)
"""Pixels that are twice as high as they are wide."""


def caliper(start, end):
    """Return a caliper between two places, each `(row, column)`."""
    return CaliperBody.model_validate(
        {name: dict(zip(("row", "column"), place, strict=True)) for name, place in (("start", start), ("end", end))}
    )


@pytest.fixture
def measure(keep, disc):
    """Measure one caliper on a picture of 96 x 128: `measure((0, 0), (3, 4), spacing=...)`."""

    def work(start, end, **scan):
        (told,) = measured([caliper(start, end)], keep(Scan("x", disc(), **scan)).body).calipers
        return told

    return work


def test_it_is_in_millimetres_where_they_are_known(measure):
    told = measure((10, 20), (13, 28), spacing=SPACING)
    assert told.length == pytest.approx(np.hypot(3 * 0.2, 8 * 0.1))
    assert (told.unit, told.reason, told.number) == ("mm", None, 1)
    assert (told.start.row, told.start.column, told.end.row, told.end.column) == (10, 20, 13, 28)


def test_it_is_in_pixels_where_the_size_of_one_is_not_known(measure):
    told = measure((10, 20), (13, 24))
    assert (told.length, told.unit, told.reason) == (5, "px", NO_SPACING)


@pytest.mark.parametrize(
    ("end", "unit"),
    [((10, 20), "mm"), ((9.5, 19.5), "mm"), ((9.4, 20), "px"), ((49.5, 79.5), "mm"), ((20, 79.6), "px")],
)
def test_the_size_of_a_pixel_holds_up_to_the_edge_of_the_region(measure, end, unit):
    told = measure((30, 40), end, spacing=SPACING, region=Box(10, 20, 40, 60))
    assert (told.unit, told.reason) == (unit, OUTSIDE if unit == "px" else None)


def test_it_agrees_with_the_diameter_of_a_lesion(measure):
    mask = np.zeros((96, 128), np.uint8)
    cv2.line(mask, (20, 40), (99, 40), 1)
    (lesion,) = measure_lesions(mask > 0, SPACING, None)
    told = measure((40, 19.5), (40, 99.5), spacing=SPACING)  # from edge to edge
    assert told.length == pytest.approx(lesion.longest, rel=0.02)


def test_places_outside_of_the_picture_are_refused(measure):
    assert measure((-0.5, -0.5), (95.5, 127.5)).length == pytest.approx(np.hypot(96, 128))
    for end in ((96, 0), (0, 128), (-0.6, 0)):
        with pytest.raises(RefusedError, match="A caliper on result 0 ends outside of its picture") as error:
            measure((5, 5), end)
        assert error.value.status == 422
