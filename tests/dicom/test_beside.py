"""What is written of a file beside its pictures and rows."""

from __future__ import annotations

import nibabel
import numpy as np
import pydicom
import pytest

from echoduet.data.images import write_png
from echoduet.data.phantom_dicom import PhantomExam, make_phantom, write_phantom_dicom
from echoduet.data.scans import read_scans
from echoduet.dicom.beside import Beside
from echoduet.inference.inputs import InputFile
from echoduet.inference.measurements import measure_lesions
from echoduet.records import Analysis, Label, Prediction


def answered(path):
    """Analyses of a file's frames, each with one lesion in the middle."""
    for scan in read_scans(path):
        mask = np.zeros(scan.shape, bool)
        mask[60:90, 80:140] = True
        prediction = Prediction(scan.name, mask, np.array([0.7, 0.2, 0.1]), Label.BENIGN)
        yield Analysis(scan, (), prediction, prediction, measure_lesions(mask, scan.spacing))


@pytest.fixture
def loop(tmp_path):
    return write_phantom_dicom(tmp_path / "loop.dcm", PhantomExam(width=160, frames=2))


def test_a_dicom_file_gets_segmentations_and_a_report(loop, tmp_path):
    beside = Beside("model", "0" * 64)
    beside(InputFile("loop", loop), list(answered(loop)), tmp_path / "out")
    written = {path.name: pydicom.dcmread(path).Modality for path in (tmp_path / "out" / "dicom").iterdir()}
    assert written == {"loop.f0001.seg.dcm": "SEG", "loop.f0002.seg.dcm": "SEG", "loop.sr.dcm": "SR"}
    assert beside.failures == []
    assert not (tmp_path / "out" / "nifti").exists()


def test_nifti_and_captures_are_written_when_asked_for(loop, tmp_path):
    analyses = list(answered(loop))
    Beside("model", "0" * 64, kinds=["sc"], nifti=True)(InputFile("loop", loop), analyses, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out" / "dicom").iterdir()} == {"loop.f0001.sc.dcm", "loop.f0002.sc.dcm"}
    read = np.asarray(nibabel.load(tmp_path / "out" / "nifti" / "loop-f001.nii.gz").dataobj)
    assert (read > 0).sum() == analyses[0].refined.mask.sum()


def test_a_picture_that_is_not_dicom_gets_no_dicom(tmp_path, rng):
    write_png(tmp_path / "a.png", rng.integers(0, 255, (120, 200), dtype=np.uint8))
    beside = Beside("model", "0" * 64, nifti=True)
    beside(InputFile("a", tmp_path / "a.png"), list(answered(tmp_path / "a.png")), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["nifti"]


def test_a_source_without_its_study_is_told_of_and_nothing_raised(tmp_path):
    dataset = make_phantom(PhantomExam(width=160))
    del dataset.StudyInstanceUID
    path = tmp_path / "bare.dcm"
    dataset.save_as(path, enforce_file_format=False, implicit_vr=False, little_endian=True)
    beside = Beside("model", "0" * 64)
    beside(InputFile("bare", path), list(answered(path)), tmp_path / "out")
    (sentence,) = beside.failures
    assert "bare.dcm" in sentence
    assert not list((tmp_path / "out").rglob("*.dcm"))
