"""How much one file may hold."""

from __future__ import annotations

import pytest

from echoduet.data.dicom.limits import Limits
from echoduet.errors import DicomError


def test_a_long_loop_of_full_high_definition_is_allowed():
    Limits().check("x", 1080, 1920, 1000)


@pytest.mark.parametrize(
    ("rows", "columns", "frames", "told"),
    [
        (10, 10, 1001, r"has 1,001 frames, more than the 1,000 that are read\."),
        (8001, 8000, 1, r"8000x8001 pixels, more than the 64,000,000 that are read\."),
        (8000, 8000, 40, r"40 frames of 8000x8000 pixels are more than is read at once\."),
    ],
)
def test_more_is_told(rows, columns, frames, told):
    with pytest.raises(DicomError, match=rf"^x: {told}"):
        Limits().check("x", rows, columns, frames)


def test_more_frames_allow_more_pixels_together():
    Limits(frames=2000).check("x", 8000, 8000, 40)
    assert Limits(frames=1, pixels=10_000_000).total == 10_000_000
