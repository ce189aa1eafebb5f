"""Reading any picture file as scans: ordinary pictures, and DICOM frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from echoduet.data.dicom.limits import MAX_FRAMES, Limits
from echoduet.data.dicom.sniffing import DICOM_SUFFIXES, HEAD_BYTES, looks_like_dicom
from echoduet.data.images import MAX_PIXELS, looks_like_picture, read_gray_and_colour
from echoduet.data.uploads import PictureFile
from echoduet.errors import DicomError, ImageError
from echoduet.records import Scan

if TYPE_CHECKING:
    from echoduet.data.dicom.source import DicomSource

STANDARD = Limits()


def read_scans(
    file: PictureFile, name: str | None = None, max_frames: int = MAX_FRAMES, max_pixels: int = MAX_PIXELS
) -> Iterator[Scan]:
    """Yield the scans of a file: one of a PNG, JPEG, TIFF or BMP, one a frame of a DICOM file.

    What the file is, is decided by its content. Frames are decoded as they are asked for: memory does not grow with
    their number. A frame's name is that of the file with `-f001` for the first and so on; a file with a single picture
    has no such suffix. An ordinary picture says nothing of spacing or regions.

    Args:
        file: a path, or an upload.
        name: names the answers; the file's name without extension where None.
        max_frames: most frames that a file may have.
        max_pixels: most pixels that a frame may have.

    Raises:
        ImageError: the file cannot be used; for DICOM it is a DicomError.
    """
    head = _head(file)
    if looks_like_dicom(head):
        yield from open_dicom(file, name, Limits(max_frames, max_pixels)).scans()
        return
    if head and not looks_like_picture(head):
        raise _unknown(file)
    gray, colour = read_gray_and_colour(file, max_pixels)
    yield Scan(name or file.stem, gray, colour)


def open_dicom(file: PictureFile, name: str | None = None, limits: Limits = STANDARD) -> DicomSource:
    """Open an ultrasound file in DICOM, its header for who makes other objects from it, its frames one at a time.

    Args:
        file: a path, or an upload.
        name: names the answers; the file's name without extension where None.
        limits: how much the file may hold.

    Raises:
        DicomError: pydicom is not installed, or as `data.dicom.source.open_dicom`.
    """
    try:
        from echoduet.data.dicom import source  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise DicomError(
            f"{file}: is DICOM, and pydicom is not installed. Install it by `pip install 'echoduet[dicom]'`."
        ) from error
    return source.open_dicom(file, name, limits)


def is_dicom(file: PictureFile) -> bool:
    """Tell by its content whether a file claims to be DICOM.

    Raises:
        ImageError: it cannot be read.
    """
    return looks_like_dicom(_head(file))


def _head(file: PictureFile) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise ImageError(f"{file}: is missing. Restore the file.") from error
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror or 'read error'}).") from error


def _unknown(file: PictureFile) -> ImageError:
    """Return why a file that begins like none that is read is not; its name may tell what it should have been."""
    if Path(str(file)).suffix.lower() in DICOM_SUFFIXES:
        return DicomError(f"{file}: is no whole DICOM file. Restore the file from its source, or export it again.")
    return ImageError(f"{file}: is no PNG, JPEG, TIFF, BMP or DICOM image. Convert or remove it.")
