"""From stored values to the shades of gray, or colours, that a display would show (PS3.4 N.2)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from echoduet.data.dicom.pixel_format import GRAY, PALETTE, PixelFormat, Values
from echoduet.errors import DicomError
from echoduet.records import ColourImage, GrayImage

_Numbers = NDArray[np.float64]


class Shades:
    """Turns the values of a file's frames into 8-bit pictures; every possible value is looked up, computed once.

    Raises:
        DicomError: a table of colours is missing or damaged.
    """

    def __init__(self, dataset: Dataset, pixels: PixelFormat, label: str) -> None:
        self._shift = pixels.stored - 8
        self._table: NDArray[np.uint8] | None = None
        if pixels.photometric in GRAY:
            self._table = gray_table(dataset, pixels)
        elif pixels.photometric == PALETTE:
            self._table = palette_table(dataset, pixels, label)

    def picture(self, values: Values) -> tuple[GrayImage, ColourImage | None]:
        """Return the gray picture, `(H, W)`, and the coloured one, `(H, W, 3)`, where there is any colour in it."""
        shown = self._lookup(values)
        if shown.ndim == 2:
            return shown, None
        gray = np.array(Image.fromarray(shown).convert("L"))
        return gray, shown if np.any(shown != shown[:, :, :1]) else None

    def _lookup(self, values: Values) -> NDArray[np.uint8]:
        if self._table is not None:
            return np.ascontiguousarray(self._table[values])
        shifted = values >> self._shift if self._shift >= 0 else values << -self._shift
        return np.ascontiguousarray(shifted.astype(np.uint8))


def gray_table(dataset: Dataset, pixels: PixelFormat) -> NDArray[np.uint8]:
    """Return the shade, 0-255, of every value that `pixels.stored` bits can hold.

    Modality look-up table or rescaling first, then the VOI table or window (the first of several), which maps its own
    range to black and white; without one, black and white are the ends of the range that can be stored.
    MONOCHROME1, and a presentation shape INVERSE, swap them.
    """
    values = np.arange(2**pixels.stored, dtype=np.float64)
    if pixels.signed:
        values[2 ** (pixels.stored - 1) :] -= 2**pixels.stored
    values = _rescale(dataset, values)
    shown = _windowed(dataset, values)
    if shown is None:
        low, high = float(values.min()), float(values.max())
        shown = (values - low) / (high - low) if high > low else np.zeros_like(values)
    if pixels.photometric == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE":
        shown = 1 - shown
    return np.floor(np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8)


def _rescale(dataset: Dataset, values: _Numbers) -> _Numbers:
    """Apply the modality transform (PS3.3 C.11.1)."""
    if table := _first_table(dataset, "ModalityLUTSequence"):
        return table(values)
    slope, intercept = _real(dataset, "RescaleSlope"), _real(dataset, "RescaleIntercept")
    if slope is None or intercept is None or slope == 0:
        return values
    return values * slope + intercept


def _windowed(dataset: Dataset, values: _Numbers) -> _Numbers | None:
    """Apply the VOI transform (PS3.3 C.11.2), its range brought to 0-1; None where there is none, or none of use."""
    if table := _first_table(dataset, "VOILUTSequence"):
        return table(values) / float(2**table.bits - 1)
    centre, width = _real(dataset, "WindowCenter"), _real(dataset, "WindowWidth")
    if centre is None or width is None or width <= 0:
        return None
    function = dataset.get("VOILUTFunction", "LINEAR")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return None if width < 1 else np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


class _Table:
    """A look-up table with the range it maps from (PS3.3 C.11.1.1.1: entries, first value mapped, bits)."""

    def __init__(self, entries: NDArray[np.uint16], first: int, bits: int) -> None:
        self.bits = bits
        self._entries = entries
        self._first = first

    def __call__(self, values: _Numbers) -> _Numbers:
        """Return the entry of each value; values beyond an end take the entry there."""
        places = np.clip(np.rint(values) - self._first, 0, len(self._entries) - 1).astype(np.int64)
        return np.asarray(self._entries[places], np.float64)


def _first_table(dataset: Dataset, keyword: str) -> _Table | None:
    items = dataset.get(keyword)
    return _read_table(items[0], "LUTDescriptor", "LUTData") if items else None


def _read_table(item: Dataset, descriptor: str, data: str) -> _Table | None:
    """Return a table; None where it is not all there."""
    order = "<u2" if item.original_encoding[1] in (True, None) else ">u2"
    described, entries = _words(item.get(descriptor), order), _words(item.get(data), order)
    if len(described) != 3 or not len(entries):
        return None
    count, first, bits = (int(word) for word in described)
    count = count or 2**16
    if bits == 8 and len(entries) == (count + 1) // 2 and count > 1:
        entries = entries.view(np.uint8)[:count].astype(np.uint16)  # two entries a word
    if not 8 <= bits <= 16 or len(entries) < count:
        return None
    return _Table(entries[:count], first if first < 2**15 or count > 2**15 else first - 2**16, bits)


def _words(value: object, order: str) -> NDArray[np.uint16]:
    """Return 16-bit words, as which tables are written, whether they were understood as numbers or left as bytes."""
    if isinstance(value, bytes):
        return np.frombuffer(value[: len(value) // 2 * 2], order).astype(np.uint16)
    if isinstance(value, int):
        value = [value]
    return np.asarray(list(value) if value is not None else [], dtype=np.int64).astype(np.uint16)  # type: ignore[call-overload]


def _real(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of an element; None where there is none, or it is not finite."""
    value = dataset.get(keyword)
    if isinstance(value, list | tuple) or hasattr(value, "append"):
        value = value[0] if len(value) else None
    number = float(value) if value is not None else math.nan
    return number if math.isfinite(number) else None


def palette_table(dataset: Dataset, pixels: PixelFormat, label: str) -> NDArray[np.uint8]:
    """Return the colour, `(values, 3)`, of every value that can be stored (PS3.3 C.7.9).

    Raises:
        DicomError: a table is missing, damaged or segmented.
    """
    values = np.arange(2**pixels.stored, dtype=np.float64)
    columns = []
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        table = _read_table(dataset, f"{name}Descriptor", f"{name}Data")
        if table is None:
            raise DicomError(f"{label}: its table of colours cannot be read. Export the image as RGB.")
        columns.append(table(values).astype(np.uint16) >> (table.bits - 8))
    return np.stack(columns, axis=1).astype(np.uint8)
