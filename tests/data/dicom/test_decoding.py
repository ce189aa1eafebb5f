"""Frames in every transfer syntax and colour, against what was written, dcmtk and GDCM."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.pixels.processing import convert_color_space

from echoduet.data.dicom import decoding
from echoduet.data.dicom.objects import Syntax
from echoduet.errors import DicomError

LOSSLESS = [Syntax.IMPLICIT, Syntax.EXPLICIT, Syntax.BIG_ENDIAN, Syntax.DEFLATED, Syntax.RLE, Syntax.JPEG_LS]
LOSSLESS += [Syntax.JPEG_2000]
SHOWN_BY_DCMTK = [Syntax.IMPLICIT, Syntax.EXPLICIT, Syntax.BIG_ENDIAN, Syntax.DEFLATED, Syntax.RLE]


def distance(a, b):
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_give_back_what_was_written(file_of, opened, loop, gray, colours, syntax):
    source = opened(file_of(loop, syntax=syntax))
    np.testing.assert_array_equal([scan.image for scan in source.scans()], loop)
    (scan,) = opened(file_of(colours[None], "RGB", syntax)).scans()
    np.testing.assert_array_equal(scan.colour, colours)


@pytest.mark.parametrize(
    ("syntax", "bound"), [(Syntax.JPEG, 12), (Syntax.JPEG_LS_NEAR, 2), (Syntax.JPEG_2000_LOSSY, 40)]
)
def test_lossy_syntaxes_stay_near(file_of, shown, gray, syntax, bound):
    smooth = np.sort(gray, axis=1)
    assert 0 < distance(shown(file_of(smooth[None], syntax=syntax)), smooth) <= bound


@pytest.mark.parametrize("syntax", SHOWN_BY_DCMTK)
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
def test_the_same_as_dcmtk(file_of, shown, by_dcmtk, gray, colours, syntax, photometric):
    content = file_of((gray if photometric == "MONOCHROME2" else colours)[None], photometric, syntax)
    np.testing.assert_array_equal(shown(content), by_dcmtk(content))


def test_jpeg_as_dcmtk_shows_it(file_of, shown, by_dcmtk, gray, colours):
    content = file_of(gray[None], syntax=Syntax.JPEG)
    assert distance(shown(content), by_dcmtk(content, tool="dcmj2pnm")) <= 1
    content = file_of(colours[None], "RGB", Syntax.JPEG)
    assert distance(shown(content), by_dcmtk(content, tool="dcmj2pnm")) <= 2


@pytest.mark.parametrize("near", [Syntax.JPEG_LS, Syntax.JPEG_LS_NEAR])
def test_jpeg_ls_as_dcmtk_decodes_it(file_of, shown, run_tool, tmp_path, colours, near):
    content = file_of(colours[None], "RGB", near)
    (tmp_path / "in.dcm").write_bytes(content)
    assert run_tool("dcmdjpls", tmp_path / "in.dcm", tmp_path / "out.dcm").returncode == 0
    np.testing.assert_array_equal(shown(content), shown((tmp_path / "out.dcm").read_bytes()))


@pytest.mark.parametrize("syntax", [Syntax.JPEG_2000, Syntax.JPEG_2000_LOSSY])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
def test_jpeg_2000_as_gdcm_decodes_it(file_of, shown, gray, colours, syntax, photometric):
    content = file_of((gray if photometric == "MONOCHROME2" else colours)[None], photometric, syntax)
    dataset = pydicom.dcmread(DicomBytesIO(content))
    dataset.pixel_array_options(decoding_plugin="gdcm")
    assert distance(shown(content), dataset.pixel_array) <= 1


@pytest.mark.parametrize("process", ["+e1", "+el"])
def test_lossless_jpeg(file_of, opened, lossless_jpeg, loop, colours, process):
    source = opened(lossless_jpeg(file_of(loop), process))
    np.testing.assert_array_equal([scan.image for scan in source.scans()], loop)
    (scan,) = opened(lossless_jpeg(file_of(colours[None], "RGB"), process)).scans()
    np.testing.assert_array_equal(scan.colour, colours)


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("syntax", [Syntax.EXPLICIT, Syntax.BIG_ENDIAN, Syntax.RLE, Syntax.JPEG_LS, Syntax.JPEG_2000])
def test_more_than_8_bits_are_brought_to_8(file_of, shown, gray, syntax, bits):
    deep = (gray.astype(np.uint16) << (bits - 8)) + 1
    content = file_of(deep[None], syntax=syntax, BitsStored=bits, HighBit=bits - 1)
    np.testing.assert_array_equal(shown(content), np.floor(deep / (2**bits - 1) * 255 + 0.5))


def test_values_in_the_upper_bits_and_rubbish_in_the_lower(file_of, shown, gray, rng):
    shifted = (gray.astype(np.uint16) << 8) + rng.integers(0, 256, gray.shape).astype(np.uint16)
    np.testing.assert_array_equal(shown(file_of(shifted[None], BitsStored=8, HighBit=15)), gray)
    rubbish = gray + (rng.integers(0, 256, gray.shape) << 8).astype(np.uint16)
    np.testing.assert_array_equal(shown(file_of(rubbish[None], BitsStored=8, HighBit=7)), gray)


@pytest.mark.parametrize("syntax", [Syntax.EXPLICIT, Syntax.RLE, Syntax.JPEG_LS])
def test_signed_values_run_from_their_lowest(file_of, shown, gray, syntax):
    content = file_of((gray ^ 0x80)[None], syntax=syntax, PixelRepresentation=1)
    np.testing.assert_array_equal(shown(content), gray)


def test_colours_as_luminance_and_difference(file_of, shown, by_dcmtk, colours):
    ybr = convert_color_space(colours, "RGB", "YBR_FULL")
    whole = file_of(ybr[None], "YBR_FULL")
    pairs = ybr.reshape(-1, 2, 3)
    shared = np.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], axis=-1)
    halved = file_of(ybr[None], "YBR_FULL_422", PixelData=shared.tobytes())
    for content in (whole, halved):
        assert distance(shown(content), by_dcmtk(content)) <= 2
    assert distance(shown(whole), colours) <= 2


def test_an_odd_width_shares_colours_in_jpeg_only(file_of, opened, shown, by_dcmtk, colours):
    odd = np.ascontiguousarray(colours[:, :63])
    content = file_of(odd[None], "RGB", Syntax.JPEG)
    assert opened(content).dataset.PhotometricInterpretation == "YBR_FULL_422"
    assert distance(shown(content), by_dcmtk(content, tool="dcmj2pnm")) <= 2
    with pytest.raises(DicomError, match=r"^x: an odd number of Columns"):
        opened(file_of(odd[None], "YBR_FULL_422"))


@pytest.mark.parametrize("syntax", [Syntax.EXPLICIT, Syntax.BIG_ENDIAN, Syntax.IMPLICIT])
def test_colours_in_planes(file_of, shown, by_dcmtk, colours, syntax):
    planes = np.ascontiguousarray(colours.transpose(2, 0, 1)).tobytes()
    content = file_of(colours[None], "RGB", syntax, PlanarConfiguration=1, PixelData=planes)
    np.testing.assert_array_equal(shown(content), colours)
    np.testing.assert_array_equal(shown(content), by_dcmtk(content))


def test_bytes_written_as_big_endian_words(file_of, shown, gray):
    swapped = np.frombuffer(gray.tobytes(), np.uint16).byteswap().tobytes()
    content = file_of(gray[None], syntax=Syntax.BIG_ENDIAN, PixelData=swapped)
    assert content.count(b"\x7f\xe0\x00\x10OB") == 1
    np.testing.assert_array_equal(shown(content.replace(b"\x7f\xe0\x00\x10OB", b"\x7f\xe0\x00\x10OW")), gray)


def test_gray_stored_as_colours_is_gray(file_of, opened, gray):
    (scan,) = opened(file_of(np.repeat(gray[None, :, :, None], 3, axis=3), "RGB")).scans()
    assert scan.colour is None
    np.testing.assert_array_equal(scan.image, gray)


@pytest.mark.parametrize(("uid", "kind"), [("1.2.840.10008.1.2.4.102", "video"), ("1.2.840.10008.1.2.4.201", "a tr")])
def test_other_syntaxes_are_refused_by_name(file_of, opened, gray, uid, kind):
    content = file_of(gray[None], syntax=Syntax.RLE)
    other = content.replace(_element(Syntax.RLE.uid), _element(uid), 1)
    with pytest.raises(DicomError, match=rf"^x: its frames are (in )?{kind}"):
        opened(other)


def _element(uid):
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return b"UI" + len(value).to_bytes(2, "little") + value


def test_a_missing_decoder_is_named(monkeypatch, file_of, opened, gray):
    content = file_of(gray[None], syntax=Syntax.JPEG_LS)
    monkeypatch.setitem(decoding._PLUGINS, Syntax.JPEG_LS.uid, "not-there")
    with pytest.raises(DicomError, match=r"decoder is not installed\. Install it by `pip install 'echoduet\[dicom\]'`"):
        opened(content)


def test_the_gpl_decoder_is_asked_for_nowhere():
    by_pylibjpeg = {uid.name for uid, plugin in decoding._PLUGINS.items() if plugin == "pylibjpeg"}
    assert by_pylibjpeg
    assert all(name.startswith("JPEG 2000") for name in by_pylibjpeg)
