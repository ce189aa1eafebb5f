"""An opened file: its frames in any order, what it lacks, what it must not do."""

from __future__ import annotations

import io
import logging
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from echoduet.data.dicom.limits import Limits
from echoduet.data.dicom.objects import Region, Syntax, encode, make_dataset
from echoduet.data.dicom.source import open_dicom
from echoduet.data.uploads import Upload
from echoduet.errors import DicomError, EchoDuetError
from echoduet.records import Box, Spacing

PATIENT = "MUSTERMANN^ERIKA"
FRAMES = np.random.default_rng(5).integers(0, 256, (3, 36, 40), dtype=np.uint8)


def written(syntax, frames=FRAMES, photometric="MONOCHROME2"):
    dataset = make_dataset(frames, photometric, [Region(Box(2, 3, 30, 32), Spacing(0.1, 0.2))])
    dataset.PatientName, dataset.PatientBirthDate = PATIENT, "19640812"
    return encode(dataset, syntax)


FILES = {syntax: written(syntax) for syntax in Syntax}


def test_frames_in_any_order_and_the_header_for_who_writes(opened):
    source = opened(FILES[Syntax.JPEG_LS], name="case")
    assert (source.frame_count, source.name) == (3, "case")
    for index in (2, 0, 1, 2):
        scan = source.scan(index)
        np.testing.assert_array_equal(scan.image, FRAMES[index])
        assert (scan.name, scan.frame) == (f"case-f{index + 1:03d}", index)
        assert (scan.region, scan.spacing, scan.panels) == (Box(2, 3, 30, 32), Spacing(0.1, 0.2), 1)
    assert source.dataset.PatientName == PATIENT
    assert source.dataset.file_meta.TransferSyntaxUID == Syntax.JPEG_LS.uid
    assert "PixelData" not in source.dataset


@pytest.mark.parametrize("index", [-1, 3])
def test_a_frame_that_does_not_exist(opened, index):
    with pytest.raises(DicomError, match=rf"^x: has 3 frames, and none with the number {index + 1}\.$"):
        opened(FILES[Syntax.EXPLICIT]).scan(index)


@pytest.mark.parametrize("syntax", Syntax)
def test_threads_may_read_one_file_at_once(tmp_path, syntax):
    path = tmp_path / "loop.dcm"
    path.write_bytes(FILES[syntax])
    source = open_dicom(path)
    once = [scan.image for scan in source.scans()]
    with ThreadPoolExecutor(4) as pool:
        for index, scan in zip([0, 1, 2] * 4, pool.map(source.scan, [0, 1, 2] * 4), strict=True):
            np.testing.assert_array_equal(scan.image, once[index])


@pytest.mark.parametrize("syntax", Syntax)
def test_cut_off_at_each_tenth(opened, syntax):
    """What is whole is right; what is not is told, and a file that lacks a frame yields none."""
    content = FILES[syntax]
    right = [scan.image for scan in opened(content).scans()]
    for tenth in range(1, 10):
        cut = content[: len(content) * tenth // 10]
        with pytest.raises(DicomError, match=r"^x: "):
            list(opened(cut).scans())
        for index in range(3):
            try:
                image = opened(cut).scan(index).image
            except DicomError as error:
                assert PATIENT not in str(error)
            else:
                np.testing.assert_array_equal(image, right[index])


@pytest.mark.parametrize("syntax", [Syntax.EXPLICIT, Syntax.RLE, Syntax.JPEG, Syntax.JPEG_2000])
def test_the_whole_frames_of_a_cut_off_file_can_be_had(opened, syntax):
    content = FILES[syntax]
    source = opened(content[: len(content) - len(content) // 6])
    right = opened(content).scan(0)
    np.testing.assert_array_equal(source.scan(0).image, right.image)
    with pytest.raises(DicomError, match=r"^x: holds 2 whole frames of the 3 it declares\. Restore the file"):
        source.scan(2)


@settings(max_examples=150)
@given(
    syntax=st.sampled_from(list(Syntax)),
    flips=st.lists(st.tuples(st.integers(0, 2**32), st.integers(0, 255)), min_size=1, max_size=12),
    early=st.booleans(),
)
def test_flipped_bytes_raise_nothing_but_our_own_error(syntax, flips, early):
    content = bytearray(FILES[syntax])
    for place, value in flips:
        content[place % (min(2000, len(content)) if early else len(content))] = value
    try:
        for scan in open_dicom(Upload(bytes(content), "x")).scans():
            assert scan.image.dtype == np.uint8
    except EchoDuetError as error:
        assert "MUSTERMANN" not in str(error)
        assert "1964" not in str(error)


LIES = [
    ({"Rows": 4000}, "holds fewer pixels"),
    ({"NumberOfFrames": 400}, "holds fewer pixels"),
    ({"Rows": 18}, "holds more pixels"),
    ({"NumberOfFrames": 2}, "holds more pixels"),
    ({"BitsAllocated": 16}, "holds fewer pixels"),
    ({"BitsAllocated": 12}, "BitsAllocated"),
    ({"BitsAllocated": 32, "BitsStored": 32}, "BitsAllocated"),
    ({"BitsStored": 9}, "BitsStored"),
    ({"BitsStored": 1}, "BitsStored"),
    ({"HighBit": 3}, "HighBit"),
    ({"SamplesPerPixel": 3}, "SamplesPerPixel"),
    ({"SamplesPerPixel": None}, "SamplesPerPixel"),
    ({"PhotometricInterpretation": "RGB"}, "SamplesPerPixel"),
    ({"PhotometricInterpretation": PATIENT}, "PhotometricInterpretation"),
    ({"PhotometricInterpretation": "YBR_PARTIAL_420"}, "PhotometricInterpretation"),
    ({"Rows": 0}, "Rows"),
    ({"Columns": None}, "Columns"),
    ({"NumberOfFrames": 0}, "NumberOfFrames"),
    ({"NumberOfFrames": 5000}, "has 5,000 frames, more than the 1,000"),
    ({"Rows": 60000, "Columns": 60000}, "60000x60000 pixels"),
    ({"Modality": "MG"}, "modality"),
    ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, r"is no ultrasound image \(CT Image Storage\)"),
    ({"SOPClassUID": PATIENT}, "is no ultrasound image"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when these are written
@pytest.mark.parametrize(("lie", "told"), LIES, ids=str)
def test_a_header_that_lies_is_refused_in_a_sentence(file_of, opened, lie, told):
    with pytest.raises(DicomError, match=rf"^x: .*{told}") as caught:
        opened(file_of(FRAMES, **lie))
    assert PATIENT not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("syntax", [Syntax.RLE, Syntax.JPEG, Syntax.JPEG_LS, Syntax.JPEG_2000])
@pytest.mark.parametrize(("rows", "frames"), [(35, 3), (4000, 3), (36, 2), (36, 900)])
def test_a_compressed_frame_that_is_not_of_the_header(opened, syntax, rows, frames):
    tall = rows.to_bytes(2, "little")
    content = FILES[syntax].replace(b"\x28\x00\x10\x00US\x02\x00\x24\x00", b"\x28\x00\x10\x00US\x02\x00" + tall)
    count = f"{frames} ".encode()
    content = content.replace(b"IS\x02\x003 ", b"IS" + len(count).to_bytes(2, "little") + count)
    with pytest.raises(DicomError, match=r"^x"):
        list(opened(content).scans())


def before_pixels(content):
    """Cut a file off before its pixels."""
    return content[: content.rindex(b"\xe0\x7f\x10\x00")]


def test_a_file_without_pixels(opened):
    with pytest.raises(DicomError, match=r"^x: holds no pixels that can be read\. Export the image itself\.$"):
        opened(before_pixels(FILES[Syntax.EXPLICIT]))


def test_a_file_of_encrypted_pixels(file_of, opened):
    item = Dataset()
    item.EncryptedContentTransferSyntaxUID, item.EncryptedContent = "1.2.840.10008.1.2.1", bytes(16)
    content = before_pixels(file_of(FRAMES, EncryptedAttributesSequence=[item]))
    with pytest.raises(DicomError, match=r"^x: its pixels are encrypted\. Decrypt it"):
        opened(content)


def test_more_can_be_allowed(opened):
    content = FILES[Syntax.EXPLICIT]
    for limits in (Limits(frames=2), Limits(pixels=1000)):
        with pytest.raises(DicomError, match=r"more than the"):
            opened(content, limits=limits)
    assert opened(content, limits=Limits(frames=3, pixels=36 * 40)).frame_count == 3


@pytest.mark.parametrize("syntax", [Syntax.EXPLICIT, Syntax.RLE, Syntax.JPEG])
def test_memory_does_not_grow_with_the_frames(tmp_path, syntax):
    def peak(count):
        path = tmp_path / f"{count}.dcm"
        path.write_bytes(written(syntax, np.zeros((count, 200, 200), np.uint8)))
        tracemalloc.start()
        for _ in open_dicom(path).scans():
            pass
        (_, most), _ = tracemalloc.get_traced_memory(), tracemalloc.stop()
        return most

    peak(2)
    assert peak(200) < peak(20) + 150_000  # twenty frames take 800,000 bytes


def test_pydicom_neither_warns_nor_logs_what_stands_in_the_header(opened, caplog):
    content = FILES[Syntax.EXPLICIT].replace(b"19640812", b"12.8.64?")
    handler = logging.StreamHandler(heard := io.StringIO())
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            source = opened(content)
            list(source.scans())
            str(source.dataset.get("PatientBirthDate"))
    finally:
        logging.getLogger().removeHandler(handler)
    assert told == []
    assert heard.getvalue() == ""


def test_a_traceback_quotes_nothing_of_the_header(opened):
    content = FILES[Syntax.EXPLICIT].replace(b"\x28\x00\x11\x00US\x02\x00", b"\x28\x00\x11\x00UL\x02\x00")
    with pytest.raises(DicomError) as caught:
        opened(content)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
