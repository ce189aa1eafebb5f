"""Making ultrasound objects of frames: what tests, benchmarks and demonstrations read in place of a scanner's files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite
from pydicom.pixels.utils import compress
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    generate_uid,
)

from echoduet.data.dicom.storage import ULTRASOUND, ULTRASOUND_MULTI_FRAME
from echoduet.records import Box, Spacing

Frames = NDArray[np.uint8] | NDArray[np.uint16]
"""Stored values of all frames: `(F, H, W)` or `(F, H, W, 3)`."""


class Syntax(StrEnum):
    """Ways in which frames are written."""

    IMPLICIT = "implicit"
    EXPLICIT = "explicit"
    BIG_ENDIAN = "big-endian"
    DEFLATED = "deflated"
    JPEG = "jpeg"
    JPEG_LS = "jpeg-ls"
    JPEG_LS_NEAR = "jpeg-ls-near"
    JPEG_2000 = "jpeg-2000"
    JPEG_2000_LOSSY = "jpeg-2000-lossy"
    RLE = "rle"

    @property
    def uid(self) -> UID:
        """Its transfer syntax."""
        return _UIDS[self]


_UIDS: Final = {
    Syntax.IMPLICIT: ImplicitVRLittleEndian,
    Syntax.EXPLICIT: ExplicitVRLittleEndian,
    Syntax.BIG_ENDIAN: ExplicitVRBigEndian,
    Syntax.DEFLATED: DeflatedExplicitVRLittleEndian,
    Syntax.JPEG: JPEGBaseline8Bit,
    Syntax.JPEG_LS: JPEGLSLossless,
    Syntax.JPEG_LS_NEAR: JPEGLSNearLossless,
    Syntax.JPEG_2000: JPEG2000Lossless,
    Syntax.JPEG_2000_LOSSY: JPEG2000,
    Syntax.RLE: RLELossless,
}
_LOSSY: Final = {
    Syntax.JPEG: "ISO_10918_1",
    Syntax.JPEG_LS_NEAR: "ISO_14495_1",
    Syntax.JPEG_2000_LOSSY: "ISO_15444_1",
}
_JPEG_QUALITY: Final = 95
_JPEG_LS_ERROR: Final = 2
_JPEG_2000_RATIO: Final = 8.0


@dataclass(frozen=True, slots=True)
class Region:
    """An item of the Sequence of Ultrasound Regions: where, size of a pixel, and of what (1 tissue, 2 colour flow)."""

    box: Box
    spacing: Spacing | None = None
    data: int = 1
    spatial: int = 1


def make_dataset(frames: Frames, photometric: str, regions: Sequence[Region] = (), identity: str = "") -> Dataset:
    """Return an ultrasound object, uncompressed: Ultrasound Image Storage, or Multi-frame for more than one frame.

    Args:
        frames: stored values in the meaning of `photometric`.
        photometric: MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, or PALETTE COLOR (add its tables yourself).
        regions: parts of the frame.
        identity: the UIDs are made of it; the same identity gives the same object.
    """
    dataset = Dataset()
    _add_study(dataset, identity)
    dataset.SOPClassUID = ULTRASOUND if len(frames) == 1 else ULTRASOUND_MULTI_FRAME
    dataset.SOPInstanceUID = _uid(identity, "instance")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "BREAST", "0001"]
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
        dataset.FrameTime = "40"
        dataset.FrameIncrementPointer = 0x00181063
    _add_pixels(dataset, frames, photometric)
    if regions:
        dataset.SequenceOfUltrasoundRegions = [region_item(region) for region in regions]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _uid(identity: str, part: str) -> UID:
    return generate_uid(entropy_srcs=["echoduet", identity, part])


def _add_study(dataset: Dataset, identity: str) -> None:
    """Add the modules of patient, study, series and equipment, with nothing in them that names anybody."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = "Phantom", "PHANTOM"
    dataset.PatientBirthDate, dataset.PatientSex = "", "F"
    dataset.StudyDate, dataset.StudyTime = "20000101", "120000"
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = "1", "", ""
    dataset.StudyInstanceUID = _uid(identity, "study")
    dataset.SeriesInstanceUID = _uid(identity, "series")
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "US", 1, 1
    dataset.Laterality, dataset.PatientOrientation = "", ""
    dataset.Manufacturer = "EchoDuet phantom"


def _add_pixels(dataset: Dataset, frames: Frames, photometric: str) -> None:
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.PhotometricInterpretation = photometric
    dataset.SamplesPerPixel = frames.shape[3] if frames.ndim == 4 else 1
    if frames.ndim == 4:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * frames.dtype.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.UltrasoundColorDataPresent = int(frames.ndim == 4)
    content = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    dataset.add_new(0x7FE00010, "OB" if frames.dtype.itemsize == 1 else "OW", content + b"\0" * (len(content) % 2))


def region_item(region: Region) -> Dataset:
    """Return a region as an item of the sequence."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = region.spatial, region.data, 2
    item.RegionLocationMinX0, item.RegionLocationMinY0 = region.box.left, region.box.top
    item.RegionLocationMaxX1 = region.box.left + region.box.width - 1
    item.RegionLocationMaxY1 = region.box.top + region.box.height - 1
    centimetres = 3 if region.spacing else 0
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = centimetres
    item.PhysicalDeltaX = region.spacing.column / 10 if region.spacing else 1.0
    item.PhysicalDeltaY = region.spacing.row / 10 if region.spacing else 1.0
    return item


def encode(dataset: Dataset, syntax: Syntax) -> bytes:
    """Return an uncompressed object as the bytes of a file in the given transfer syntax; the object is changed.

    Colours become YBR_FULL_422 in JPEG, and YBR_RCT or YBR_ICT in JPEG 2000.
    """
    before = len(dataset.PixelData)
    if syntax is Syntax.JPEG:
        _encode_jpeg(dataset)
    elif syntax.uid.is_encapsulated:
        _compress(dataset, syntax)
    elif syntax is Syntax.BIG_ENDIAN and dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    if method := _LOSSY.get(syntax):
        dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", method
        dataset.LossyImageCompressionRatio = f"{before / len(dataset.PixelData):.3f}"
    return _to_file(dataset, syntax.uid)


def _to_file(dataset: Dataset, syntax: UID) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = DicomBytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _compress(dataset: Dataset, syntax: Syntax) -> None:
    coloured = dataset.PhotometricInterpretation == "RGB"
    if coloured and syntax in (Syntax.JPEG_2000, Syntax.JPEG_2000_LOSSY):
        dataset.PhotometricInterpretation = "YBR_RCT" if syntax is Syntax.JPEG_2000 else "YBR_ICT"
    compress(
        dataset,
        syntax.uid,
        jls_error=_JPEG_LS_ERROR if syntax is Syntax.JPEG_LS_NEAR else None,
        j2k_cr=[_JPEG_2000_RATIO] if syntax is Syntax.JPEG_2000_LOSSY else None,
        encoding_plugin={Syntax.RLE: "pydicom"}.get(syntax, ""),
        generate_instance_uid=False,
    )
    if dataset.PhotometricInterpretation == "YBR_FULL" and syntax is Syntax.RLE:
        dataset.PlanarConfiguration = 1  # what the ultrasound object asks for (PS3.3 C.8.5.6.1.16)


def _encode_jpeg(dataset: Dataset) -> None:
    frames = int(dataset.get("NumberOfFrames", 1))
    coloured = dataset.SamplesPerPixel == 3
    shape = (frames, dataset.Rows, dataset.Columns, *((3,) if coloured else ()))
    pixels = np.frombuffer(dataset.PixelData, np.uint8)[: int(np.prod(shape))].reshape(shape)
    dataset.PixelData = encapsulate([_jpeg(frame) for frame in pixels])
    dataset["PixelData"].is_undefined_length = True
    if coloured:
        dataset.PhotometricInterpretation = "YBR_FULL_422"


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling="4:2:2")
    return stream.getvalue()
