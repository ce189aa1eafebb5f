"""RLE, against pydicom's encoder and against lies."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pydicom.pixels.encoders import RLELosslessEncoder

from echoduet.data.dicom.pixel_format import PixelFormat
from echoduet.data.dicom.run_lengths import decode_run_lengths

LAYOUT = PixelFormat(6, 10, 1, 1, "MONOCHROME2", 0, 8, 8, 0, False)


def packed(*segments):
    """Return segments behind their table."""
    places = [64 + sum(map(len, segments[:n])) for n in range(len(segments))]
    return struct.pack("<16L", len(segments), *places, *[0] * (15 - len(segments))) + b"".join(segments)


@given(
    dtype=st.sampled_from([np.uint8, np.uint16]),
    samples=st.sampled_from([1, 3]),
    data=st.data(),
)
def test_what_pydicom_packs(dtype, samples, data):
    rows, columns = data.draw(array_shapes(min_dims=2, max_dims=2, max_side=20))
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    frame = data.draw(arrays(dtype, shape, elements=st.integers(0, 3)))
    depth = frame.dtype.itemsize
    content = RLELosslessEncoder.encode(
        frame,
        encoding_plugin="pydicom",
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_allocated=8 * depth,
        bits_stored=8 * depth,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2" if samples == 1 else "RGB",
        planar_configuration=0,
        number_of_frames=1,
    )
    layout = replace(LAYOUT, rows=rows, columns=columns, samples=samples, allocated=8 * depth)
    np.testing.assert_array_equal(decode_run_lengths(content, layout), frame)


def test_padding_and_empty_runs_are_stepped_over():
    content = packed(b"\x80" + bytes([257 - 60, 7]) + b"\0")
    np.testing.assert_array_equal(decode_run_lengths(content, LAYOUT), np.full((6, 10), 7))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(64),
        packed(bytes([257 - 59, 7])),  # a value short
        packed(bytes([257 - 61, 7])),  # one too many
        packed(bytes([257 - 60, 7]) * 2),  # all of it twice
        packed(bytes([59]) + bytes(30)),  # cut off
        packed(bytes([257 - 60, 7]), bytes([257 - 60, 7])),  # a colour too many
        struct.pack("<16L", 1, 9999, *[0] * 14) + bytes([257 - 60, 7]),
        struct.pack("<16L", 1, 0, *[0] * 14) + bytes([257 - 60, 7]),
    ],
)
def test_segments_that_are_not_what_the_header_says(content):
    with pytest.raises((ValueError, struct.error)):
        decode_run_lengths(content, LAYOUT)
