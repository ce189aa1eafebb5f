"""Headers of DICOM files as bytes."""

from __future__ import annotations

from pydicom.dataset import Dataset

from echoduet.data.phantom_dicom import PhantomExam, make_phantom
from echoduet.service.headers import HEADER_BYTES, pack_header, unpack_header


def header():
    dataset = make_phantom(PhantomExam(width=160))
    del dataset.PixelData
    return dataset


def test_a_header_comes_back_without_private_elements():
    dataset = header()
    dataset.private_block(0x0099, "SCANNER", create=True).add_new(1, "LO", "something")
    packed = pack_header(dataset)
    again = unpack_header(packed)
    assert again == unpack_header(pack_header(header()))
    assert again.SOPInstanceUID == dataset.SOPInstanceUID
    assert again.SequenceOfUltrasoundRegions == dataset.SequenceOfUltrasoundRegions
    assert (0x0099, 0x0010) in dataset  # the one that was given is left as it is


def test_a_header_that_is_too_large_or_cannot_be_written_is_not_kept():
    large = header()
    large.ImageComments = "x" * 10_240
    large.ExtendedCodeMeaning = "x" * 100
    large.PixelDataProviderURL = "http://example.org/" + "x" * HEADER_BYTES
    assert pack_header(large) is None
    odd = Dataset()
    odd.Rows = 5
    odd[0x00280010]._value = "five"
    assert pack_header(odd) is None
