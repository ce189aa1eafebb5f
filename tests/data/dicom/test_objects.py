"""Objects made of frames: valid, as other programs read them, and the same every time."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomBytesIO

from echoduet.data.dicom.objects import Region, Syntax, encode, make_dataset
from echoduet.records import Box, Spacing

READ = {"implicit", "explicit", "big-endian", "deflated", "rle", "jpeg-ls", "jpeg-2000"}


@pytest.mark.parametrize("syntax", Syntax)
def test_pydicom_reads_what_was_written(loop, syntax):
    dataset = pydicom.dcmread(DicomBytesIO(encode(make_dataset(loop, "MONOCHROME2"), syntax)))
    assert dataset.file_meta.TransferSyntaxUID == syntax.uid
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    off = np.abs(dataset.pixel_array.astype(int) - loop).max()
    assert off == 0 if syntax.value in READ else off > 0
    assert (dataset.get("LossyImageCompression") == "01") == (syntax.value not in READ)


def test_one_frame_and_several_are_objects_of_their_own_kind(loop):
    assert make_dataset(loop[:1], "MONOCHROME2").SOPClassUID.name == "Ultrasound Image Storage"
    dataset = make_dataset(loop, "MONOCHROME2")
    assert dataset.SOPClassUID.name == "Ultrasound Multi-frame Image Storage"
    assert dataset.NumberOfFrames == 4


def test_regions_are_told_in_centimetres(loop):
    dataset = make_dataset(loop, "MONOCHROME2", [Region(Box(4, 6, 20, 24), Spacing(0.2, 0.3))])
    (item,) = dataset.SequenceOfUltrasoundRegions
    assert (item.RegionLocationMinX0, item.RegionLocationMaxX1) == (6, 29)
    assert (item.RegionLocationMinY0, item.RegionLocationMaxY1) == (4, 23)
    assert (item.PhysicalDeltaX, item.PhysicalDeltaY) == (pytest.approx(0.03), pytest.approx(0.02))


def test_the_same_identity_is_the_same_object(loop):
    first, second, other = (make_dataset(loop, "MONOCHROME2", identity=name) for name in ("a", "a", "b"))
    assert encode(first, Syntax.RLE) == encode(second, Syntax.RLE)
    assert first.SOPInstanceUID != other.SOPInstanceUID
    assert len({first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPInstanceUID}) == 3
