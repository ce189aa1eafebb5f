"""Reading a DICOM file up to its pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypeVar, cast

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from echoduet.data.dicom import guard
from echoduet.data.dicom.guard import DAMAGE, Metered, inflate, stream_size
from echoduet.data.dicom.sniffing import HEAD_BYTES, has_mark, is_encrypted, names_its_types
from echoduet.data.uploads import PictureFile
from echoduet.errors import DicomError

_UNDEFINED = 0xFFFFFFFF
_BYTES = frozenset({"OB", "OW", "UN"})
_PIXELS = {0x7FE00010: "PixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00008: "FloatPixelData"}

_D = TypeVar("_D", bound=Dataset)

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels lie in the file.

    Attributes:
        keyword: PixelData, or one of its kin.
        start: place of the first byte.
        length: in bytes; None where it is open, as it is for compressed pixels.
        words: whether they are written as 16-bit words (VR OW), and not as bytes.
    """

    keyword: str
    start: int
    length: int | None
    words: bool


@dataclass(frozen=True, slots=True)
class Header:
    """Everything before the pixels.

    Attributes:
        dataset: the elements, but those with values longer than a header needs.
        syntax: the transfer syntax.
        size: bytes that there are to read, those of the pixels included.
        pixels: where they lie; None where there are none.
        open: opens the file, inflated where it was deflated.
    """

    dataset: Dataset
    syntax: UID
    size: int
    pixels: PixelElement | None
    open: Opener


def read_header(file: PictureFile, label: str) -> Header:
    """Read up to the pixels; of the file no more than that is held in memory, unless it is deflated.

    Raises:
        DicomError: the file is encrypted, deflated to a bomb, or its header is too large.
    """
    with file.open("rb") as stream:
        size = stream_size(stream)
        head = stream.read(HEAD_BYTES)
        if is_encrypted(head):
            raise DicomError(f"{label}: is encrypted. Decrypt it, or export it without encryption.")
        stream.seek(HEAD_BYTES if has_mark(head) else 0)
        meta, syntax = _read_meta(stream, size)
        if syntax == DeflatedExplicitVRLittleEndian:
            content = inflate(stream.read(guard.INFLATED_BYTES), label)
            return _read_body(lambda: io.BytesIO(content), 0, meta, syntax, label)
        start = stream.tell()
    return _read_body(lambda: file.open("rb"), start, meta, syntax, label)


def _read_meta(stream: BinaryIO, size: int) -> tuple[FileMetaDataset, UID]:
    """Read group 2, or find out how a file without it is written."""
    meter = cast(BinaryIO, Metered(stream, size))
    start = stream.tell()
    meta = FileMetaDataset()
    if stream.read(2) == b"\x02\x00":
        stream.seek(start)
        meta = FileMetaDataset(read_dataset(meter, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2))
    else:
        stream.seek(start)
    if syntax := meta.get("TransferSyntaxUID"):
        return meta, UID(str(syntax))
    start = stream.tell()
    head = stream.read(6)
    stream.seek(start)
    return meta, _guess_syntax(head)


def _guess_syntax(head: bytes) -> UID:
    if head[:1] == b"\x00":
        return ExplicitVRBigEndian
    return ExplicitVRLittleEndian if names_its_types(head) else ImplicitVRLittleEndian


def _read_body(open_: Opener, start: int, meta: FileMetaDataset, syntax: UID, label: str) -> Header:
    with open_() as stream:
        meter = Metered(stream, stream_size(stream))
        stream.seek(start)
        try:
            dataset, pixels = _parse(meter, syntax)
            dataset.file_meta = _without_long_values(meta)
            dataset = _without_long_values(dataset)
        except DAMAGE as error:
            if meter.spent or isinstance(error, OverflowError):
                raise DicomError(f"{label}: its header is larger than any that is read. Export it again.") from None
            raise
    return Header(dataset, syntax, meter.size, pixels, open_)


def _parse(meter: Metered, syntax: UID) -> tuple[Dataset, PixelElement | None]:
    found: list[PixelElement] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag not in _PIXELS:
            return False
        known = None if length == _UNDEFINED else length
        found.append(PixelElement(_PIXELS[tag], meter.tell(), known, vr == "OW"))
        return True

    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    stream = cast(BinaryIO, meter)
    dataset = read_dataset(stream, implicit, little, stop_when=at_pixels, defer_size=guard.VALUE_BYTES)
    return dataset, found[-1] if found else None


def _without_long_values(dataset: _D) -> _D:
    """Take out what was skipped, and what cannot be understood; the rest is then read without a warning.

    Sequences and private elements stay as they are until somebody asks for them: they can be made to unfold into much.

    Raises:
        OverflowError: there is more to convert than any header has.
    """
    left = guard.CONVERTED_BYTES
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag, keep_deferred=True)
        if isinstance(raw, RawDataElement) and raw.value is None and raw.length:
            del dataset[tag]
        elif isinstance(raw, RawDataElement) and not tag.is_private and not _is_sequence(raw):
            left -= 0 if raw.VR in _BYTES else len(raw.value or b"")
            if left < 0:
                raise OverflowError("the header is too large")
            _convert(dataset, tag)
    return dataset


def _convert(dataset: Dataset, tag: BaseTag) -> None:
    try:
        dataset[tag].value  # noqa: B018 - converts it, here where nothing is warned about
    except DAMAGE:
        del dataset[tag]


def _is_sequence(element: RawDataElement | DataElement) -> bool:
    if element.VR in (None, "UN") and dictionary_has_tag(element.tag):
        return dictionary_VR(element.tag) == "SQ"
    return element.VR == "SQ"
