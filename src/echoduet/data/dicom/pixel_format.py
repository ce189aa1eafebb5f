"""How the pixels of a file are laid out, as its header says; what does not fit together is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from echoduet.errors import DicomError

GRAY = frozenset({"MONOCHROME1", "MONOCHROME2"})
PALETTE = "PALETTE COLOR"
YBR = frozenset({"YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
COLOURS = frozenset({"RGB", *YBR})

Values = NDArray[np.unsignedinteger[Any]]
"""Values of a frame as they are stored, unsigned, unused bits zero: `(H, W)`, or red, green, blue `(H, W, 3)`."""

_LARGEST_SIDE = 65535


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The Image Pixel module (PS3.3 C.7.6.3).

    Attributes:
        rows: height of a frame, pixels.
        columns: width of a frame, pixels.
        frames: how many there are.
        samples: values a pixel: 1 or 3.
        photometric: what the values mean.
        planar: 0 where the colours of a pixel lie together, 1 where each colour is a plane of its own.
        allocated: bits that a value takes, 8 or 16.
        stored: bits of it that count.
        shift: unused bits below those.
        signed: whether values may be negative.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    planar: int
    allocated: int
    stored: int
    shift: int
    signed: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a decoded frame: `(H, W)`, or `(H, W, 3)`."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, 3)

    @property
    def frame_bytes(self) -> int:
        """Bytes of an uncompressed frame; of YBR_FULL_422 two pixels share their colour (PS3.3 C.7.6.3.1.2)."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.rows * self.columns * samples * self.allocated // 8


def read_format(dataset: Dataset, label: str) -> PixelFormat:
    """Return how the pixels are laid out.

    Raises:
        DicomError: something is missing, of no use, or does not fit the rest.
    """
    rows, columns = _number(dataset, "Rows", label), _number(dataset, "Columns", label)
    allocated, stored = _number(dataset, "BitsAllocated", label), _number(dataset, "BitsStored", label)
    high = _number(dataset, "HighBit", label, stored - 1)
    pixels = PixelFormat(
        rows,
        columns,
        frames=_number(dataset, "NumberOfFrames", label, 1),
        samples=_number(dataset, "SamplesPerPixel", label),
        photometric=_photometric(dataset, label),
        planar=_number(dataset, "PlanarConfiguration", label, 0),
        allocated=allocated,
        stored=stored,
        shift=high + 1 - stored,
        signed=_number(dataset, "PixelRepresentation", label, 0) == 1,
    )
    for key, fits in _conditions(pixels).items():
        if not fits:
            raise DicomError(
                f"{label}: {key} is missing or contradicts the rest of the header. Export the image again."
            )
    return pixels


def _conditions(pixels: PixelFormat) -> dict[str, bool]:
    """Return which attributes are as they may be."""
    samples = 3 if pixels.photometric in COLOURS else 1
    return {
        "Rows": 0 < pixels.rows <= _LARGEST_SIDE,
        "Columns": 0 < pixels.columns <= _LARGEST_SIDE,
        "NumberOfFrames": pixels.frames > 0,
        "SamplesPerPixel": pixels.samples == samples,
        "PlanarConfiguration": pixels.planar in (0, 1),
        "BitsAllocated": pixels.allocated in (8, 16),
        "BitsStored": 2 <= pixels.stored <= pixels.allocated,
        "HighBit": 0 <= pixels.shift <= pixels.allocated - pixels.stored,
        "PixelRepresentation": not (pixels.signed and pixels.photometric not in GRAY),
    }


def _photometric(dataset: Dataset, label: str) -> str:
    value = dataset.get("PhotometricInterpretation")
    if value in GRAY | COLOURS | {PALETTE}:
        return str(value)
    raise DicomError(
        f"{label}: PhotometricInterpretation is missing or of a kind that is not read. "
        "Export the image as MONOCHROME2 or RGB."
    )


def _number(dataset: Dataset, keyword: str, label: str, default: int | None = None) -> int:
    value = dataset.get(keyword)
    if value is None and default is not None:
        return default
    if isinstance(value, int):  # IS is one, too
        return int(value)
    raise DicomError(f"{label}: {keyword} is missing or no whole number. Export the image again.")
