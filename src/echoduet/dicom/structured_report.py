"""A Comprehensive SR of one source instance, by the template of measurement reports (TID 1500)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.dataset import Dataset

from echoduet.dicom import codes
from echoduet.dicom.identity import MANUFACTURER, Algorithm, Kind, derived_uid
from echoduet.dicom.instances import completed, maker
from echoduet.dicom.measurement_groups import Group, comment
from echoduet.dicom.source import Source
from echoduet.errors import DicomError


def structured_report(
    source: Source, algorithm: Algorithm, groups: Sequence[Sequence[Group]], masks: Sequence[Dataset] = ()
) -> Dataset:
    """Return the report; it is complete where every frame of the source was analysed, and never verified.

    Args:
        source: the instance analysed.
        algorithm: what answered.
        groups: for each frame analysed, what `frame_groups` said about it.
        masks: the segmentations that the groups refer to.

    Raises:
        DicomError: no frame was analysed, or patient or study of the source cannot be copied.
    """
    if not groups:
        raise DicomError(f"instance {source.instance}: no frame of it was analysed, so there is nothing to report.")
    stand_in = source.stand_in()
    report = sr.MeasurementReport(
        _context(algorithm),
        codes.BREAST_ULTRASOUND,
        [group for frame in groups for group in frame],
        codes.REPORT,
        referenced_images=[stand_in],
    )
    report[0].ContentSequence.append(_sentence())
    draft = sr.ComprehensiveSR(
        [stand_in, *masks],
        report[0],
        is_complete=len(groups) == source.frames,
        coding_schemes=[codes.own_scheme()],
        **maker(source, algorithm, Kind.SR, source.number),
    )
    if len(groups) < source.frames:
        draft.CompletionFlagDescription = f"{len(groups)} of {source.frames} frames analysed"
    return completed(draft, source)


def _context(algorithm: Algorithm) -> sr.ObservationContext:
    """Say that a device observed, and which."""
    device = sr.DeviceObserverIdentifyingAttributes(
        derived_uid("device", algorithm.key),
        name="EchoDuet",
        manufacturer_name=MANUFACTURER,
        model_name=algorithm.parameters["model"],
        serial_number=algorithm.serial_number,
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DEVICE, device))


def _sentence() -> sr.ContainerContentItem:
    contains = sr.RelationshipTypeValues.CONTAINS
    container = sr.ContainerContentItem(codes.EVALUATIONS, relationship_type=contains)
    container.ContentSequence = sr.ContentSequence([comment(codes.SENTENCE)])
    return container
