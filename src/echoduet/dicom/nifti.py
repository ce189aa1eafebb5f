"""Lesions and lesion probability of one picture as NIfTI."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from echoduet.dicom.codes import SENTENCE
from echoduet.dicom.outlines import number_lesions
from echoduet.errors import OutputError
from echoduet.files import write_bytes
from echoduet.records import Analysis

_ALIGNED = 2  # NIFTI_XFORM_ALIGNED_ANAT: a space of the picture's own, not the scanner's
_MAX_BYTE = 255


def write_lesions(path: Path, analysis: Analysis) -> None:
    """Write the refined mask, `.nii` or `.nii.gz`: 0 outside, the lesion's number inside; 1 is the largest.

    The axes are column, row and a single slice. See `affine` for where they lie.

    Raises:
        OutputError: another suffix, or the file cannot be written.
        ShapeError: mask and lesions are not of one answer.
    """
    _write(path, _lesions(analysis))


def pack_lesions(analysis: Analysis) -> bytes:
    """Return what `write_lesions` writes as `.nii.gz`.

    Raises:
        ShapeError: mask and lesions are not of one answer.
    """
    return _zipped(_lesions(analysis))


def _lesions(analysis: Analysis) -> bytes:
    numbers = number_lesions(analysis)
    narrow = numbers if len(analysis.lesions) > _MAX_BYTE else numbers.astype(np.uint8)
    return _content(narrow, analysis, "lesions")


def write_probability(path: Path, analysis: Analysis) -> None:
    """Write the lesion probability, `.nii` or `.nii.gz`, as float32.

    Raises:
        OutputError: there is none, another suffix, or the file cannot be written.
    """
    if analysis.lesion_map is None:
        raise OutputError(f"{path}: there is no lesion probability of this picture to write. Ask for the lesions.")
    _write(path, _content(analysis.lesion_map, analysis, "lesion probability"))


def affine(analysis: Analysis) -> NDArray[np.float64]:
    """Return how indices (column, row, slice) become x, y, z in millimetres, or pixels where the spacing is unknown.

    NIfTI's x points to the patient's right-to-left, y to the front. An ultrasound picture does not say how it lies in
    the patient; as ITK does for pictures without orientation, columns are laid to the patient's left and rows to the
    back, so that viewers show it upright beside its PNG. The slice is 1 thick.
    """
    spacing = analysis.scan.spacing
    row, column = (1.0, 1.0) if spacing is None else (spacing.row, spacing.column)
    return np.diag([-column, -row, 1.0, 1.0])


def _content(plane: NDArray[Any], analysis: Analysis, what: str) -> bytes:
    image = nibabel.Nifti1Image(plane.T[:, :, None], affine(analysis))
    image.set_sform(image.affine, code=_ALIGNED)
    image.set_qform(image.affine, code=_ALIGNED)
    image.header.set_xyzt_units("unknown" if analysis.scan.spacing is None else "mm")
    image.header["descrip"] = f"EchoDuet {what}. {SENTENCE}".encode()
    return bytes(image.to_bytes())


def _write(path: Path, content: bytes) -> None:
    if not path.name.endswith((".nii", ".nii.gz")):
        raise OutputError(f"{path}: NIfTI files end in .nii or .nii.gz. Choose such a name.")
    write_bytes(path, _zipped(content) if path.suffix == ".gz" else content)


def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # no time: the same answer gives the same bytes
