"""What `predict` writes of a file beside pictures and tables: DICOM objects where it was DICOM, NIfTI on request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from echoduet.data.scans import is_dicom, open_dicom
from echoduet.errors import DicomError
from echoduet.inference.inputs import InputFile
from echoduet.records import Analysis


@dataclass(slots=True)
class Beside:
    """Writes `dicom/<name>.*.dcm` and `nifti/<name>.nii.gz` under a run's folder.

    The libraries for both take half a second to import: they are, once there is something to write.

    Attributes:
        model: name of the bundle that answered.
        sha256: of its file.
        settings: what else decides the answer, by name.
        kinds: what to make of a DICOM input (`dicom.identity.Kind`); nothing where empty.
        nifti: whether each outlined picture gets a NIfTI file.
        failures: sentences about sources from which no DICOM object could be made.
    """

    model: str
    sha256: str
    settings: Mapping[str, str] = field(default_factory=dict)
    kinds: Collection[str] = ("seg", "sr")
    nifti: bool = False
    failures: list[str] = field(default_factory=list)

    def __call__(self, source: InputFile, analyses: Sequence[Analysis], out: Path) -> None:
        """Write what belongs to one input; a source that lacks what DICOM objects need is noted, not raised.

        Raises:
            OutputError: a file cannot be written.
        """
        if self.nifti:
            self._write_nifti(analyses, out / "nifti")
        if self.kinds and is_dicom(source.path):
            try:
                self._write_dicom(source, analyses, out / "dicom")
            except DicomError as error:
                self.failures.append(f"{source.path}: no DICOM objects were made of it: {error}")

    def _write_nifti(self, analyses: Sequence[Analysis], folder: Path) -> None:
        from echoduet.dicom.nifti import write_lesions  # noqa: PLC0415

        for analysis in analyses:
            if analysis.refined is not None and analysis.refined.mask is not None:
                write_lesions(folder / f"{analysis.scan.name}.nii.gz", analysis)

    def _write_dicom(self, source: InputFile, analyses: Sequence[Analysis], folder: Path) -> None:
        from echoduet.dicom.identity import Algorithm, Kind  # noqa: PLC0415
        from echoduet.dicom.outputs import write_outputs  # noqa: PLC0415

        header, algorithm = (
            open_dicom(source.path).dataset,
            Algorithm(self.model, self.sha256, tuple(self.settings.items())),
        )
        write_outputs(header, analyses, algorithm, folder, source.name, [Kind(kind) for kind in self.kinds])
