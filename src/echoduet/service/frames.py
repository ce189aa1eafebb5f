"""The pictures of a request, read one after the other."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from echoduet.data.dicom.limits import Limits as DicomLimits
from echoduet.data.scans import is_dicom, open_dicom, read_scans
from echoduet.data.uploads import Upload
from echoduet.errors import ImageError
from echoduet.records import Scan
from echoduet.service.headers import pack_header
from echoduet.service.jobs import Job
from echoduet.service.limits import Limits
from echoduet.service.logs import describe, event
from echoduet.service.results import Kept, Place, failed
from echoduet.service.uploads import Received

if TYPE_CHECKING:
    from echoduet.data.dicom.source import DicomSource


@dataclass(frozen=True, slots=True)
class Task:
    """A picture to be analysed for a job."""

    job: Job
    place: Place
    scan: Scan
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file of a request: a DICOM file with its frames and header, a picture, or why it is neither."""

    received: Received
    file: int
    source: DicomSource | None = None
    header: bytes | None = None
    problem: Kept | None = None

    @property
    def frames(self) -> int:
        """How many results it makes."""
        return self.source.frame_count if self.source else 1


Step = Task | Kept | int
"""What a step of reading gives: a picture, one that failed, or first of all how many there are."""


def read_job(job: Job, limits: Limits) -> Iterator[Step]:
    """Yield how many pictures a job has, then each of them; the content of a file is dropped behind its last one.

    A file or frame that cannot be read is a failed result; the rest is read all the same.
    """
    opened = [_open(received, file, limits) for file, received in enumerate(job.files)]
    yield sum(item.frames for item in opened)
    index = 0
    for item in opened:
        for frame in range(item.frames):
            yield _read(job, item, frame, index, limits)
            index += 1
        item.received.content.close()


def _open(received: Received, file: int, limits: Limits) -> _Opened:
    upload = Upload(received.content.stream, received.name)
    try:
        bounds = DicomLimits(limits.frames, limits.picture_pixels)
        if not is_dicom(upload):
            return _Opened(received, file)
        source = open_dicom(upload, f"file-{file}", bounds)
        return _Opened(received, file, source, pack_header(source.dataset))
    except Exception as error:  # noqa: BLE001  # whatever a reader raises about a file concerns that file alone
        return _Opened(received, file, problem=_failure(error, Place(0, file, received.name)))


def _read(job: Job, item: _Opened, frame: int, index: int, limits: Limits) -> Task | Kept:
    source = item.source
    place = Place(index, item.file, item.received.name, frame if source and source.frame_count > 1 else None)
    if item.problem:
        item.problem.body.index = index
        return item.problem
    try:
        if source is not None:
            return Task(job, place, source.scan(frame), item.header)
        upload = Upload(item.received.content.stream, item.received.name)
        return Task(job, place, next(read_scans(upload, f"file-{item.file}", max_pixels=limits.picture_pixels)))
    except Exception as error:  # noqa: BLE001  # as above
        return _failure(error, place)


def _failure(error: Exception, place: Place) -> Kept:
    if isinstance(error, ImageError):
        return failed(place, str(error), by_input=True)
    event("picture_unreadable", logging.ERROR, **describe(error))
    return failed(place, f"{place.name}: could not be read, by a fault of this server.", by_input=False)
