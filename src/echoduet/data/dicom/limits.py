"""How much one DICOM file may hold; needs no pydicom."""

from __future__ import annotations

from dataclasses import dataclass

from echoduet.data.images import MAX_PIXELS
from echoduet.errors import DicomError

MAX_FRAMES = 1000
"""Most frames of one file: a cine loop of a breast has some hundreds."""

_MEAN_PIXELS = 2_500_000  # a little more than 1920 x 1080


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may hold.

    Attributes:
        frames: most frames.
        pixels: most pixels of one frame.
    """

    frames: int = MAX_FRAMES
    pixels: int = MAX_PIXELS

    @property
    def total(self) -> int:
        """Most pixels of all frames together: that many of full high definition, or one of the largest."""
        return max(self.pixels, self.frames * _MEAN_PIXELS)

    def check(self, label: str, rows: int, columns: int, frames: int) -> None:
        """Refuse more than is allowed.

        Raises:
            DicomError: it is more.
        """
        if frames > self.frames:
            raise DicomError(
                f"{label}: has {frames:,} frames, more than the {self.frames:,} that are read. "
                "Cut the loop, or allow more frames."
            )
        if rows * columns > self.pixels:
            raise DicomError(
                f"{label}: {columns}x{rows} pixels, more than the {self.pixels:,} that are read. Crop or shrink it."
            )
        if rows * columns * frames > self.total:
            raise DicomError(
                f"{label}: {frames:,} frames of {columns}x{rows} pixels are more than is read at once. "
                "Cut the loop, or allow more frames."
            )
