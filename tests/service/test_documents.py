"""Files of a result: as `echoduet predict` writes them, read by other people's libraries."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from echoduet.data.phantom_dicom import PhantomExam, make_phantom, phantom_file
from echoduet.data.scans import open_dicom
from echoduet.data.uploads import Upload
from echoduet.dicom.identity import Algorithm
from echoduet.dicom.outputs import create
from echoduet.records import Check, Ground
from echoduet.service.documents import Document, Documents
from echoduet.service.headers import pack_header, unpack_header
from echoduet.service.refusals import RefusedError
from echoduet.service.results import Place, answered, failed

SETTINGS = {"runtime": "glow", "mask": "0.5"}
DOCUMENTS = Documents("small", "ab" * 32, SETTINGS)
EXAM = PhantomExam(seed=3, width=160, frames=2)


@pytest.fixture
def source():
    """A DICOM file with two frames."""
    return open_dicom(Upload(phantom_file(EXAM), "loop.dcm"), "x")


@pytest.fixture
def analysis(analysed, source):
    """The analysis of its second frame."""
    return analysed(source.scan(1))


@pytest.fixture
def kept(analysis, source):
    """The result of that."""
    return answered(Place(1, 0, "loop.dcm", 1), analysis, pack_header(source.dataset))


def test_a_picture_has_no_dicom_files(keep):
    assert DOCUMENTS.of(keep()) == (Document.NIFTI, Document.OVERLAY)
    with pytest.raises(RefusedError, match=r"no such document 'sr\.dcm'"):
        DOCUMENTS.make(keep(), Document.REPORT)


def test_dicom_files_are_the_very_instances_that_predict_makes(kept, analysis, source):
    assert DOCUMENTS.of(kept) == tuple(Document)
    algorithm = Algorithm("small", "ab" * 32, tuple(SETTINGS.items()))
    expected = {made.kind.value: made.dataset for made in create(source.dataset, [analysis], algorithm)}
    for document in (Document.SEGMENTATION, Document.REPORT, Document.CAPTURE):
        made = dcmread(io.BytesIO(DOCUMENTS.make(kept, document)))
        assert made.SOPInstanceUID == expected[document.value.partition(".")[0]].SOPInstanceUID
        assert document.media_type == "application/dicom"
    segmentation = dcmread(io.BytesIO(DOCUMENTS.make(kept, Document.SEGMENTATION)))
    assert segmentation.pixel_array.sum() == analysis.refined.mask.sum()  # each lesion in a frame of its own


def test_the_mask_as_nifti(kept, analysis):
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(DOCUMENTS.make(kept, Document.NIFTI)))
    np.testing.assert_array_equal(np.asarray(image.dataobj)[:, :, 0].T > 0, analysis.refined.mask)
    assert image.header.get_zooms() == pytest.approx((0.25, 0.25, 1))


def test_the_overlay_shows_the_frame(kept, analysis):
    shown = np.asarray(Image.open(io.BytesIO(DOCUMENTS.make(kept, Document.OVERLAY))))
    height, width = analysis.scan.shape
    same = (shown[:height, :width] == analysis.scan.image[:, :, None]).all(axis=2)
    assert 0.9 < same.mean() < 1


def test_of_a_refused_picture_there_is_only_the_report(analysis, source):
    checks = (Check(Ground.MULTI_PANEL, 0.9, 0.5),)
    refused = replace(analysis, checks=checks, raw=None, refined=None, lesions=(), lesion_map=None, uncertainty=None)
    kept = answered(Place(1, 0, "loop.dcm", 1), refused, pack_header(source.dataset))
    assert DOCUMENTS.of(kept) == (Document.REPORT,)
    assert dcmread(io.BytesIO(DOCUMENTS.make(kept, Document.REPORT))).Modality == "SR"
    assert DOCUMENTS.of(failed(Place(0, 0, "a.png"), "a.png: is damaged.", True)) == ()


def test_a_header_that_lacks_what_is_needed_is_told(analysis):
    dataset = make_phantom(EXAM)
    del dataset.PixelData, dataset.StudyInstanceUID
    kept = answered(Place(1, 0, "loop.dcm", 1), analysis, pack_header(dataset))
    assert "StudyInstanceUID" not in unpack_header(kept.header)
    with pytest.raises(RefusedError, match=r"loop\.dcm: no DICOM file can be made of it: instance") as refused:
        DOCUMENTS.make(kept, Document.SEGMENTATION)
    assert refused.value.status == 409
