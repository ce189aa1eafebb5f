from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest

from echoduet.dicom.nifti import affine, write_lesions, write_probability
from echoduet.dicom.outlines import number_lesions
from echoduet.errors import OutputError
from echoduet.records import Spacing


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_lesions_come_back_column_row_slice(tmp_path, make_analysis, suffix):
    analysis = make_analysis(lesions=3)
    path = tmp_path / f"scan{suffix}"
    write_lesions(path, analysis)
    found = nibabel.load(path)
    assert found.shape == (83, 61, 1)
    assert found.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(found.dataobj)[:, :, 0].T, number_lesions(analysis))


def test_where_a_pixel_lies(tmp_path, make_analysis):
    write_lesions(tmp_path / "scan.nii", make_analysis(spacing=Spacing(row=0.1, column=0.25)))
    found = nibabel.load(tmp_path / "scan.nii")
    # Column 8, row 20: 2 mm to the patient's left, 2 mm to the back.
    assert found.affine @ (8, 20, 0, 1) == pytest.approx((-2, -2, 0, 1))
    assert nibabel.aff2axcodes(found.affine) == ("L", "P", "S")
    assert found.header.get_zooms() == pytest.approx((0.25, 0.1, 1))
    assert found.header.get_xyzt_units()[0] == "mm"
    assert (int(found.header["sform_code"]), int(found.header["qform_code"])) == (2, 2)
    assert found.get_qform() == pytest.approx(found.affine, abs=1e-6)


def test_without_a_spacing_lengths_are_pixels_and_say_so(tmp_path, make_analysis):
    write_lesions(tmp_path / "scan.nii.gz", make_analysis(spacing=None))
    found = nibabel.load(tmp_path / "scan.nii.gz")
    assert found.header.get_xyzt_units()[0] == "unknown"
    assert np.array_equal(found.affine, np.diag([-1, -1, 1, 1]))
    assert np.array_equal(affine(make_analysis(spacing=None)), found.affine)


def test_many_lesions_have_room(tmp_path, make_analysis):
    mask = np.zeros((61, 83), dtype=bool)
    mask[::2, ::2] = True
    write_lesions(tmp_path / "scan.nii", make_analysis(mask=mask))
    found = nibabel.load(tmp_path / "scan.nii")
    assert found.get_data_dtype() == np.uint16
    assert np.asarray(found.dataobj).max() == mask.sum() > 255


def test_an_empty_mask_is_written_as_such(tmp_path, make_analysis):
    write_lesions(tmp_path / "scan.nii", make_analysis(lesions=0))
    assert not np.asarray(nibabel.load(tmp_path / "scan.nii").dataobj).any()


def test_the_probability_comes_back(tmp_path, make_analysis):
    analysis = make_analysis(lesions=2)
    write_probability(tmp_path / "scan.nii.gz", analysis)
    found = nibabel.load(tmp_path / "scan.nii.gz")
    assert found.get_data_dtype() == np.float32
    assert np.array_equal(np.asarray(found.dataobj)[:, :, 0].T, analysis.lesion_map)
    assert b"Research use only" in found.header["descrip"].tobytes()
    with pytest.raises(OutputError, match="no lesion probability"):
        write_probability(tmp_path / "none.nii", replace(analysis, lesion_map=None))


def test_the_same_answer_gives_the_same_bytes(tmp_path, make_analysis):
    for name in ("one.nii.gz", "other.nii.gz"):
        write_lesions(tmp_path / name, make_analysis())
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "other.nii.gz").read_bytes()


def test_another_suffix_is_refused(tmp_path, make_analysis):
    with pytest.raises(OutputError, match="end in"):
        write_lesions(tmp_path / "scan.img", make_analysis())
