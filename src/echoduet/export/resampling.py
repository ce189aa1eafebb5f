"""Preprocessing as part of a graph: the resampling of Pillow as two products of matrices.

Operators that resize with antialiasing differ from program to program, and hardly one rounds as Pillow does. A product
of matrices is the same everywhere, and this one is that of Pillow 13 to the bit, for images of up to some 1700 pixels a
side. Earlier releases differ by a gray level in some images that are taller than wide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from echoduet.config.schema import PreprocessConfig
from echoduet.export.sheet import FLOAT, INT64, UINT8, Sheet

_HALF = 2.0**11
_ZERO, _ONE = np.array(0, np.int64), np.array(1, np.int64)
_NO_DIMENSIONS = np.array([], np.int64)


@dataclass(frozen=True, slots=True)
class Span:
    """Where along one side of a plane an image lies; every entry is the name of a whole number in the graph, `(1,)`.

    Attributes:
        total: length of the plane's side.
        start: where the image begins.
        length: how many pixels it has.
    """

    total: str
    start: str
    length: str


@dataclass(frozen=True, slots=True)
class Place:
    """The spans of an image `(H, W)` and of its window on the network's input, both ways."""

    image_rows: Span
    image_columns: Span
    input_rows: Span
    input_columns: Span


def place(sheet: Sheet, config: PreprocessConfig, height: str, width: str) -> Place:
    """Add what finds an image's window, as `Preprocess.window` does, and return all spans."""
    zero, side = sheet.whole(0), sheet.whole(config.size)
    lengths = (side, side) if config.aspect == "squash" else _padded(sheet, side, height, width)
    inside = [Span(side, _halved(sheet, side, length), length) for length in lengths]
    return Place(Span(height, zero, height), Span(width, zero, width), *inside)


def _padded(sheet: Sheet, side: str, height: str, width: str) -> tuple[str, str]:
    longest = sheet.add("Cast", sheet.add("Max", height, width), to=FLOAT)
    lengths = []
    for extent in (height, width):
        scaled = sheet.add("Div", sheet.add("Cast", sheet.add("Mul", extent, side), to=FLOAT), longest)
        lengths.append(sheet.add("Max", sheet.add("Cast", sheet.add("Round", scaled), to=INT64), sheet.whole(1)))
    return lengths[0], lengths[1]


def _halved(sheet: Sheet, side: str, length: str) -> str:
    return sheet.add("Div", sheet.add("Sub", side, length), sheet.whole(2))


def to_input(sheet: Sheet, image: str, where: Place, nearest: bool) -> str:
    """Add what brings gray images `(B, 1, H, W)` uint8 to `(B, 1, S, S)` uint8, as `Preprocess.image` does."""
    columns = _weights(sheet, where.input_columns, where.image_columns, nearest)
    rows = _weights(sheet, where.input_rows, where.image_rows, nearest)
    gray = sheet.add("Cast", image, to=FLOAT)
    ways = [sheet.branch(), sheet.branch()]
    tall = _rounded(ways[0], _rounded(ways[0], gray, rows, _along_rows), columns, _along_columns)
    wide = _rounded(ways[1], _rounded(ways[1], gray, columns, _along_columns), rows, _along_rows)
    return sheet.add("Cast", sheet.either(_rows_first(sheet, where), ways[0], tall, ways[1], wide), to=UINT8)


def _rows_first(sheet: Sheet, where: Place) -> str:
    """Add whether Pillow 13 resizes along the rows' axis first; it rounds in between, so that the order matters.

    It does where an image of `(H, W)` becomes one of `(h, w)` and H > h and H - h > 2 (W - w); found by trying.
    """
    shorter = sheet.add("Sub", where.image_rows.length, where.input_rows.length)
    narrower = sheet.add("Sub", where.image_columns.length, where.input_columns.length)
    more = sheet.add("Greater", shorter, sheet.add("Mul", narrower, sheet.whole(2)))
    both = sheet.add("And", more, sheet.add("Greater", shorter, sheet.whole(0)))
    return sheet.add("Squeeze", both, sheet.whole(0))


def to_image(sheet: Sheet, plane: str, where: Place) -> str:
    """Add what brings maps `(B, 1, S, S)` to the images' own size `(B, 1, H, W)`, as `Preprocess.restore` does."""
    columns = _weights(sheet, where.image_columns, where.input_columns, nearest=False)
    rows = _weights(sheet, where.image_rows, where.input_rows, nearest=False)
    wide = _along_columns(sheet, plane, sheet.add("Div", columns.matrix, columns.sums))
    return _along_rows(sheet, wide, sheet.add("Div", rows.matrix, rows.sums))


@dataclass(frozen=True, slots=True)
class _Weights:
    """Matrix `(out, in)` of whole numbers in float32, and its rows' sums `(out, 1)`, none below 1."""

    matrix: str
    sums: str


def _weights(sheet: Sheet, out: Span, source: Span, nearest: bool) -> _Weights:
    """Add the weights of every source pixel for every pixel that is made; 0 outside the two windows.

    With m pixels made of n, pixel i is centred at (i + 1/2) n / m. The weight of source pixel x falls linearly with
    their distance and ends at max(n / m, 1) pixels; times 2 m it is the whole number
    max(0, 2 max(m, n) - |(2 x + 1) m - (2 i + 1) n|).
    """
    two = sheet.whole(2)
    made, inside_made = _counted(sheet, out, column=True)
    from_, inside_source = _counted(sheet, source, column=False)
    centre = sheet.add("Mul", _odd(sheet, made), source.length)
    if nearest:
        chosen = sheet.add("Div", centre, sheet.add("Mul", two, out.length))
        weight = sheet.add("Cast", sheet.add("Equal", from_, chosen), to=INT64)
    else:
        reach = sheet.add("Mul", two, sheet.add("Max", out.length, source.length))
        apart = sheet.add("Abs", sheet.add("Sub", sheet.add("Mul", _odd(sheet, from_), out.length), centre))
        weight = sheet.add("Max", sheet.add("Sub", reach, apart), sheet.whole(0))
    inside = sheet.add("Cast", sheet.add("And", inside_made, inside_source), to=INT64)
    matrix = sheet.add("Cast", sheet.add("Mul", weight, inside), to=FLOAT)
    sums = sheet.add("ReduceSum", matrix, sheet.whole(1), keepdims=1)
    return _Weights(matrix, sheet.add("Max", sums, sheet.real(1)))


def _counted(sheet: Sheet, span: Span, column: bool) -> tuple[str, str]:
    """Add the numbers of a side's pixels, 0 where the window begins, and which of them lie in it."""
    none = sheet.constant(_NO_DIMENSIONS)
    limit = sheet.add("Reshape", span.total, none)
    numbers = sheet.add("Range", sheet.constant(_ZERO), limit, sheet.constant(_ONE))
    shaped = sheet.add("Unsqueeze", sheet.add("Sub", numbers, span.start), sheet.whole(1 if column else 0))
    inside = sheet.add(
        "And", sheet.add("GreaterOrEqual", shaped, sheet.whole(0)), sheet.add("Less", shaped, span.length)
    )
    return shaped, inside


def _odd(sheet: Sheet, numbers: str) -> str:
    return sheet.add("Add", sheet.add("Mul", numbers, sheet.whole(2)), sheet.whole(1))


def _along_columns(sheet: Sheet, planes: str, matrix: str) -> str:
    return sheet.add("MatMul", planes, sheet.add("Transpose", matrix, perm=[1, 0]))


def _along_rows(sheet: Sheet, planes: str, matrix: str) -> str:
    return sheet.add("MatMul", matrix, planes)


def _rounded(sheet: Sheet, planes: str, weights: _Weights, along: Callable[[Sheet, str, str], str]) -> str:
    """Add the weighted sums of whole planes in Pillow's fixed-point arithmetic, rounded to whole numbers.

    A weight has 22 binary digits there. Eleven and eleven are multiplied apart, so that no sum needs more than the 24
    digits of a float32; what the upper sum has beyond the point is carried over to the lower one.
    """
    half = sheet.real(_HALF)
    upper, lower = _digits(sheet, weights, half)
    high, low = along(sheet, planes, upper), along(sheet, planes, lower)
    units = sheet.add("Floor", sheet.add("Div", high, half))
    carried = sheet.add("Mul", sheet.add("Sub", high, sheet.add("Mul", units, half)), half)
    rest = sheet.add("Add", sheet.add("Add", carried, low), sheet.real(_HALF * _HALF / 2))
    return sheet.add("Add", units, sheet.add("Floor", sheet.add("Div", rest, sheet.real(_HALF * _HALF))))


def _digits(sheet: Sheet, weights: _Weights, half: str) -> tuple[str, str]:
    """Add the upper and the lower eleven binary digits of weights divided by their sums, rounded at the last one."""
    scaled = sheet.add("Mul", weights.matrix, half)
    upper = sheet.add("Floor", sheet.add("Div", scaled, weights.sums))
    rest = sheet.add("Mul", sheet.add("Sub", scaled, sheet.add("Mul", upper, weights.sums)), half)
    lower = sheet.add("Floor", sheet.add("Add", sheet.add("Div", rest, weights.sums), sheet.real(0.5)))
    return upper, lower
