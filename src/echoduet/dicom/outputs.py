"""From a source instance and its analyses to the instances that tell of them, and to files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from echoduet.dicom.capture import capture
from echoduet.dicom.identity import Algorithm, Kind
from echoduet.dicom.instances import encoded
from echoduet.dicom.measurement_groups import frame_groups
from echoduet.dicom.segmentation import segmentation
from echoduet.dicom.source import Source
from echoduet.dicom.structured_report import structured_report
from echoduet.errors import DicomError, OutputError
from echoduet.files import write_bytes
from echoduet.records import Analysis

ALL_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Created:
    """One created instance.

    Attributes:
        kind: what it is.
        frame: number of the source's frame, from 1, that it is about; None for all, or the only one.
        dataset: the instance, as read from its file.
    """

    kind: Kind
    frame: int | None
    dataset: Dataset


def create(
    dataset: Dataset, analyses: Iterable[Analysis], algorithm: Algorithm, kinds: Collection[Kind] = ALL_KINDS
) -> Iterator[Created]:
    """Yield what tells of the analyses: segmentation and capture of each frame as it comes, the report last.

    A frame without a lesion has no segmentation, one that was refused no capture either; the report says why. Without
    `Kind.SEG` the report holds the outlines itself.

    Args:
        dataset: header of the source instance.
        analyses: of frames of the source, each at most once; none is kept.
        algorithm: what answered.
        kinds: what to create.

    Raises:
        DicomError: the source lacks what instances need, no frame was analysed, or one twice.
        ShapeError: an analysis is not of this source.
    """
    source = Source.of(dataset)
    groups, masks, seen = [], [], set()
    for analysis in analyses:
        frame = source.frame_number(analysis)
        if frame in seen:
            raise DicomError(f"instance {source.instance}: its frame {frame or 1} was analysed twice. Give it once.")
        seen.add(frame)
        lesions = segmentation(source, analysis, algorithm) if Kind.SEG in kinds else None
        if lesions is not None:
            masks.append(_header(lesions))
            yield Created(Kind.SEG, frame, lesions)
        if Kind.SC in kinds and (picture := capture(source, analysis, algorithm)) is not None:
            yield Created(Kind.SC, frame, picture)
        if Kind.SR in kinds:
            groups.append(frame_groups(source, analysis, algorithm, lesions))
    if Kind.SR in kinds:
        yield Created(Kind.SR, None, structured_report(source, algorithm, groups, masks))


def _header(instance: Dataset) -> Dataset:
    """Return what a reference needs of an instance."""
    header = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        header.add(instance[keyword])
    return header


def write_outputs(
    dataset: Dataset,
    analyses: Iterable[Analysis],
    algorithm: Algorithm,
    folder: Path,
    name: str,
    kinds: Collection[Kind] = ALL_KINDS,
) -> list[Path]:
    """Write what `create` yields, each file whole or not at all, and return the paths in that order.

    The files are `<name>.seg.dcm`, `<name>.sc.dcm` and `<name>.sr.dcm`; those of one frame of several have its number,
    as in `<name>.f0007.seg.dcm`.

    Args:
        dataset: header of the source instance.
        analyses: of frames of the source.
        algorithm: what answered.
        folder: where to; it is made.
        name: what the files are called; it must not tell of a patient.
        kinds: what to write.

    Raises:
        DicomError: the source lacks what instances need, no frame was analysed, or one twice.
        ShapeError: an analysis is not of this source.
        OutputError: the name is no plain file name, or a file cannot be written.
    """
    if Path(name).name != name or not name.strip("."):
        raise OutputError(f"{name!r} is no plain file name. Give a name without folders.")
    paths = []
    for created in create(dataset, analyses, algorithm, kinds):
        frame = "" if created.frame is None else f".f{created.frame:04d}"
        path = folder / f"{name}{frame}.{created.kind}.dcm"
        write_bytes(path, encoded(created.dataset))
        paths.append(path)
    return paths
