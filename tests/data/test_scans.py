"""Any picture file as scans: ordinary pictures, DICOM frame by frame, from a path or an upload."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from echoduet.data.images import write_png
from echoduet.data.phantom_dicom import PhantomExam, draw_exam, phantom_file, write_phantom_dicom
from echoduet.data.scans import is_dicom, read_scans
from echoduet.data.uploads import Upload
from echoduet.errors import DicomError, ImageError
from echoduet.records import Box, Spacing

EXAM = PhantomExam(seed=3, width=160, frames=3)


@pytest.fixture
def gray(rng):
    return rng.integers(0, 256, (40, 60), dtype=np.uint8)


def test_a_gray_picture_is_one_scan_without_colours(tmp_path, gray):
    write_png(tmp_path / "a.png", gray)
    (scan,) = read_scans(tmp_path / "a.png")
    assert (scan.name, scan.colour, scan.spacing, scan.region, scan.frame) == ("a", None, None, None, None)
    np.testing.assert_array_equal(scan.image, gray)


def test_colours_are_kept_where_there_are_any(tmp_path, gray):
    colours = np.repeat(gray[:, :, None], 3, axis=2)
    write_png(tmp_path / "same.png", colours)
    (scan,) = read_scans(tmp_path / "same.png")
    assert scan.colour is None
    colours[5, 5] = (200, 10, 10)
    write_png(tmp_path / "red.png", colours)
    (scan,) = read_scans(tmp_path / "red.png")
    np.testing.assert_array_equal(scan.colour, colours)
    np.testing.assert_array_equal(scan.image, np.asarray(Image.fromarray(colours).convert("L")))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_an_upload_is_read_as_a_file_is(tmp_path, gray, kind):
    path = tmp_path / f"picture.{kind.lower()}"
    Image.fromarray(gray).save(path, kind)
    (from_path,) = read_scans(path, "x")
    stream = io.BytesIO(path.read_bytes())
    for content in (path.read_bytes(), stream):
        (scan,) = read_scans(Upload(content, "picture"), "x")
        np.testing.assert_array_equal(scan.image, from_path.image)
    assert not stream.closed


def test_dicom_frames_come_one_by_one_with_names_region_and_spacing(tmp_path):
    path = write_phantom_dicom(tmp_path / "loop.dcm", EXAM)
    scans = list(read_scans(path, "case"))
    drawing = draw_exam(EXAM)
    assert [scan.name for scan in scans] == ["case-f001", "case-f002", "case-f003"]
    assert [scan.frame for scan in scans] == [0, 1, 2]
    assert {scan.region for scan in scans} == {drawing.regions[0].box}
    assert {scan.spacing for scan in scans} == {Spacing(0.25, 0.25)}
    np.testing.assert_array_equal([scan.image for scan in scans], drawing.frames)


def test_the_content_decides_not_the_name(tmp_path):
    exam = PhantomExam(width=160)
    path = write_phantom_dicom(tmp_path / "picture.png", exam)
    assert is_dicom(path)
    (scan,) = read_scans(path)
    assert (scan.name, scan.frame) == ("picture", None)
    assert isinstance(scan.region, Box)


def test_dicom_uploads_from_bytes_and_streams():
    content = phantom_file(EXAM)
    from_bytes = list(read_scans(Upload(content, "loop.dcm")))
    from_stream = list(read_scans(Upload(io.BytesIO(content), "loop.dcm")))
    assert [scan.name for scan in from_bytes] == ["loop-f001", "loop-f002", "loop-f003"]
    for a, b in zip(from_bytes, from_stream, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


def test_more_frames_than_allowed_are_refused_until_allowed():
    upload = Upload(phantom_file(EXAM), "loop.dcm")
    with pytest.raises(DicomError, match=r"^loop\.dcm: has 3 frames, more than the 2 that are read\."):
        list(read_scans(upload, max_frames=2))
    assert len(list(read_scans(upload, max_frames=3))) == 3


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(200), bytes(500)])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ImageError, match=r"^x: is "):
        list(read_scans(Upload(content, "x")))


@pytest.mark.parametrize("kept", [slice(1), slice(100), slice(131), slice(128, None, 2)])
def test_a_damaged_file_with_the_name_of_dicom_is_told_that_it_is_no_whole_one(kept):
    content = phantom_file(EXAM)[kept]
    for name in ("loop.dcm", "LOOP.IMA", "loop.dicom"):
        with pytest.raises(DicomError, match=rf"^{name}: is no whole DICOM file\. Restore"):
            list(read_scans(Upload(content, name)))


def test_dicom_is_among_what_is_named_where_a_file_is_nothing_that_is_read(tmp_path):
    (tmp_path / "IM0001").write_bytes(phantom_file(EXAM)[:100])
    for file in (tmp_path / "IM0001", Upload(b"dear diary", "notes.txt")):
        with pytest.raises(ImageError, match=r": is no PNG, JPEG, TIFF, BMP or DICOM image\. Convert or remove it\.$"):
            list(read_scans(file))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.dcm: is missing"):
        list(read_scans(tmp_path / "gone.dcm"))


WITHOUT_PYDICOM = """
import sys
from pathlib import Path
from echoduet.data.scans import read_scans
from echoduet.errors import DicomError
assert "pydicom" not in sys.modules
(scan,) = read_scans(Path("a.png"))
assert "pydicom" not in sys.modules
sys.modules["pydicom"] = None
try:
    list(read_scans(Path("a.dcm")))
except DicomError as error:
    print(error)
"""


def test_plain_pictures_need_no_pydicom_and_dicom_says_what_it_needs(tmp_path, gray):
    write_png(tmp_path / "a.png", gray)
    write_phantom_dicom(tmp_path / "a.dcm", EXAM)
    command = [sys.executable, "-c", WITHOUT_PYDICOM]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = "a.dcm: is DICOM, and pydicom is not installed. Install it by `pip install 'echoduet[dicom]'`.\n"
    assert (done.stdout, done.stderr) == (told, "")
