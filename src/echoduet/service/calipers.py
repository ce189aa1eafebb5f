"""Distances between two places that a person pointed at, measured as the lesions are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from echoduet.inference.rows import NOTICE
from echoduet.service.refusals import RefusedError
from echoduet.service.schemas import BoxBody, CaliperBody, CalipersBody, DistanceBody, PointBody, ResultBody

NO_SPACING = "the file does not tell the size of a pixel"
OUTSIDE = "an end lies outside the ultrasound region"
"""Why a distance is in pixels."""


def measured(calipers: Sequence[CaliperBody], body: ResultBody) -> CalipersBody:
    """Return the distances of calipers on a picture.

    In mm: d = sqrt((dx sx)^2 + (dy sy)^2), with the size of a pixel sx by sy. That holds in the ultrasound region only;
    elsewhere, and where it is not known, the distance is in pixels.

    Args:
        calipers: in the order of their numbers, from 1.
        body: the result about the picture.

    Raises:
        RefusedError: an end lies outside the picture.
    """
    distances = [_distance(number, caliper, body) for number, caliper in enumerate(calipers, 1)]
    return CalipersBody(notice=NOTICE, file=body.name, frame=body.frame, calipers=distances)


def _distance(number: int, caliper: CaliperBody, body: ResultBody) -> DistanceBody:
    ends = (caliper.start, caliper.end)
    frame = BoxBody(top=0, left=0, height=body.height or 0, width=body.width or 0)
    if not all(_holds(frame, end) for end in ends):
        raise RefusedError(422, "caliper", f"A caliper on result {body.index} ends outside of its picture.")
    reason = _reason(ends, body)
    rows, columns = (1.0, 1.0) if reason or not body.spacing else (body.spacing.row, body.spacing.column)
    length = math.hypot(rows * (ends[1].row - ends[0].row), columns * (ends[1].column - ends[0].column))
    return DistanceBody(
        number=number, start=ends[0], end=ends[1], length=length, unit="px" if reason else "mm", reason=reason
    )


def _reason(ends: Sequence[PointBody], body: ResultBody) -> str | None:
    if body.spacing is None:
        return NO_SPACING
    return None if body.region is None or all(_holds(body.region, end) for end in ends) else OUTSIDE


def _holds(box: BoxBody, place: PointBody) -> bool:
    """Tell whether a place lies in a box, whose edges are half a pixel from the middles of its outermost pixels."""
    row, column = place.row + 0.5 - box.top, place.column + 0.5 - box.left
    return 0 <= row <= box.height and 0 <= column <= box.width
