"""JPEG with more than 8 bits a value: GDCM, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from echoduet.data.dicom import deep_jpeg, gdcm_frame
from echoduet.data.dicom.codestreams import Claim
from echoduet.errors import DicomError


@pytest.fixture
def deep(gray, file_of):
    """A file with 12 bits a value, uncompressed."""
    values = (gray.astype(np.uint16) << 4) + (gray >> 4)
    return file_of(values[None], BitsStored=12, HighBit=11)


def test_12_bits_lossless(deep, shown, lossless_jpeg):
    np.testing.assert_array_equal(shown(lossless_jpeg(deep)), shown(deep))


def test_12_bits_extended_as_dcmtk_decodes_them(deep, shown, lossless_jpeg, run_tool, tmp_path):
    content = lossless_jpeg(deep, "+ee")
    assert run_tool("dcmdjpeg", tmp_path / "compressed.dcm", tmp_path / "again.dcm").returncode == 0
    np.testing.assert_array_equal(shown(content), shown((tmp_path / "again.dcm").read_bytes()))


def test_a_damaged_frame_ends_only_the_other_process(deep, opened, lossless_jpeg, rng):
    content = lossless_jpeg(deep)
    start = content.rindex(b"\xff\xda") + 10
    endings = set()
    for _ in range(4):
        damaged = bytearray(content)
        for place in rng.integers(start, len(content) - 12, 8):
            damaged[place] = 0xFF
        try:
            opened(bytes(damaged)).scan(0)
        except DicomError as error:
            endings.add(str(error))
    assert endings <= {"x: is damaged. Restore the file from its source, or export it again."}


def test_an_aborting_process_is_a_damaged_frame(monkeypatch, tmp_path, deep, opened, lossless_jpeg):
    script = tmp_path / "aborts.py"
    script.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(gdcm_frame, "__file__", str(script))
    with pytest.raises(DicomError, match=r"^x: is damaged\."):
        opened(lossless_jpeg(deep)).scan(0)


def test_an_old_jpeg_library_leaves_8_bits_to_gdcm(monkeypatch, gray, file_of, shown, lossless_jpeg):
    monkeypatch.setattr(deep_jpeg.features, "version", lambda _name: "2.1.5")
    np.testing.assert_array_equal(shown(lossless_jpeg(file_of(gray[None]))), gray)


def test_without_gdcm_deep_frames_name_the_extra(monkeypatch, deep, opened, lossless_jpeg):
    content = lossless_jpeg(deep)
    monkeypatch.setattr(deep_jpeg, "find_spec", lambda _name: None)
    with pytest.raises(DicomError, match=r"pip install 'echoduet\[dicom\]'"):
        opened(content).scan(0)
    assert deep_jpeg.can_decode(Claim(0xC3, 1, 1, 1, 8))


def test_the_process_says_by_its_status_that_it_failed():
    words = ["4", "4", "1", "16", "12", "1.2.840.10008.1.2.4.70"]
    command = [sys.executable, "-P", gdcm_frame.__file__, *words]
    done = subprocess.run(command, input=b"\xff\xd8", capture_output=True, check=False)
    assert done.returncode != 0
    assert done.stdout == b""
