"""From stored values to shades: windows, tables and palettes, against dcmtk and pydicom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_voi_lut, apply_windowing

from echoduet.data.dicom.objects import Syntax, encode, make_dataset
from echoduet.data.dicom.pixel_format import PixelFormat
from echoduet.data.dicom.shades import gray_table, palette_table
from echoduet.errors import DicomError


def layout(stored=8, signed=False, photometric="MONOCHROME2"):
    return PixelFormat(1, 1, 1, 1, photometric, 0, 8 if stored == 8 else 16, stored, 0, signed)


def attributes(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_8_bits_are_shown_as_they_are():
    np.testing.assert_array_equal(gray_table(Dataset(), layout()), np.arange(256))


def test_monochrome_1_and_an_inverse_presentation_swap_black_and_white():
    swapped = 255 - np.arange(256)
    np.testing.assert_array_equal(gray_table(Dataset(), layout(photometric="MONOCHROME1")), swapped)
    inverse = attributes(PresentationLUTShape="INVERSE")
    np.testing.assert_array_equal(gray_table(inverse, layout()), swapped)
    np.testing.assert_array_equal(gray_table(inverse, layout(photometric="MONOCHROME1")), swapped)


@pytest.mark.parametrize("function", ["LINEAR", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(100, 200), (1000, 900), (500, 1)])
@pytest.mark.parametrize(("bits", "signed"), [(8, 0), (12, 0), (12, 1)])
def test_windows_as_dcmtk_shows_them(gray, shown, by_dcmtk, function, centre, width, bits, signed):
    values = gray if bits == 8 else gray.astype(np.uint16) << 4
    dataset = make_dataset(values[None], "MONOCHROME2")
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, signed
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = centre, width, function
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -50
    content = encode(dataset, Syntax.EXPLICIT)
    # dcmtk cuts where we round, hence one shade
    assert np.abs(shown(content).astype(int) - by_dcmtk(content, "+Wi", 1)).max() <= 1


@given(
    centre=st.floats(-300, 5000),
    width=st.floats(1.5, 5000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_windows_as_pydicom_applies_them(centre, width, function):
    dataset = attributes(
        WindowCenter=f"{centre:.6f}", WindowWidth=f"{width:.6f}", VOILUTFunction=function, BitsStored=12
    )
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    with np.errstate(over="ignore"):  # theirs does where a sigmoid is steep
        theirs = apply_windowing(np.arange(4096, dtype=np.uint16), dataset) / 4095 * 255
    assert np.abs(gray_table(dataset, layout(12)) - theirs).max() <= 0.51


@pytest.mark.parametrize("width", ["0", "-5", "0.5"])
def test_windows_of_no_use_are_passed_over(width):
    nonsense = attributes(WindowCenter="40", WindowWidth=width)
    np.testing.assert_array_equal(gray_table(nonsense, layout()), np.arange(256))


def test_of_several_windows_the_first():
    several = attributes(WindowCenter=["50", "200"], WindowWidth=["20", "30"])
    single = attributes(WindowCenter="50", WindowWidth="20")
    np.testing.assert_array_equal(gray_table(several, layout()), gray_table(single, layout()))


@pytest.mark.parametrize("descriptor", [[100, 20, 8], [100, 20, 12], [100, 0, 16]])
def test_voi_tables_as_pydicom_applies_them(rng, descriptor):
    item = Dataset()
    item.LUTDescriptor, bits = descriptor, descriptor[2]
    item.LUTData = rng.integers(0, 2**bits, 100).astype("<u2").tolist()
    dataset = attributes(VOILUTSequence=[item], BitsStored=8, PixelRepresentation=0)
    item.add_new(0x00283002, "US", descriptor)
    item.add_new(0x00283006, "US", item.LUTData)
    theirs = apply_voi_lut(np.arange(256, dtype=np.uint8), dataset)
    assert np.abs(gray_table(dataset, layout()) - theirs / (2**bits - 1) * 255).max() <= 0.51


@pytest.mark.parametrize("syntax", [Syntax.IMPLICIT, Syntax.EXPLICIT, Syntax.BIG_ENDIAN])
def test_palettes_as_dcmtk_shows_them(gray, rng, shown, by_dcmtk, syntax):
    dataset = make_dataset(gray[None], "PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [200, 10, 16])
        entries = rng.integers(0, 2**16, 200).astype(">u2" if syntax is Syntax.BIG_ENDIAN else "<u2")
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries.tobytes())
    content = encode(dataset, syntax)
    np.testing.assert_array_equal(shown(content), by_dcmtk(content))


def test_palettes_of_8_bits_two_entries_a_word(gray, rng, shown):
    dataset = make_dataset(gray[None], "PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 8])
        entries = rng.integers(0, 256, 256).astype(np.uint8)
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries.tobytes())
    np.testing.assert_array_equal(shown(encode(dataset, Syntax.EXPLICIT)), apply_color_lut(gray, dataset))


def test_a_missing_palette_is_told():
    with pytest.raises(DicomError, match=r"^x: its table of colours cannot be read\. Export the image as RGB\.$"):
        palette_table(Dataset(), layout(photometric="PALETTE COLOR"), "x")
