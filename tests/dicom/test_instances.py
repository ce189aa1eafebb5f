from __future__ import annotations

import copy

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from echoduet.dicom.identity import IMPLEMENTATION_CLASS, Kind, content_uid
from echoduet.dicom.instances import completed, encoded, maker, series_uid
from echoduet.dicom.source import Source
from echoduet.errors import DicomError

from .conftest import SECRETS


@pytest.fixture
def draft():
    """The least that is an instance."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "2.25.0"
    made.PatientName = made.PatientID = made.PatientBirthDate = ""
    made.ImageComments = "said"
    return made


def test_patient_and_study_are_those_of_the_source(make_source, draft):
    done = completed(draft, Source.of(make_source()))
    for keyword, secret in SECRETS.items():
        assert done.get(keyword) == secret
    assert done.ImageComments == "said"
    assert done.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS


def test_nothing_else_is_copied(make_source, draft):
    source = make_source(PatientAddress="7 Elm Street", StudyDescription="free text", PatientAge="061Y")
    done = completed(draft, Source.of(source))
    assert not {"PatientAddress", "StudyDescription", "PatientAge", "PhotometricInterpretation"} & set(done.dir())


def test_what_the_source_lacks_stays_empty(make_source, draft):
    done = completed(draft, Source.of(make_source(PatientName=None, PatientID=None, PatientBirthDate=None)))
    assert (done.PatientName, done.PatientID, done.PatientBirthDate) == ("", "", "")
    assert "IssuerOfPatientID" not in done


def test_the_uid_does_not_depend_on_the_patient(make_source, draft):
    uid = content_uid(draft)
    assert completed(copy.deepcopy(draft), Source.of(make_source())).SOPInstanceUID == uid
    assert completed(draft, Source.of(make_source(PatientName="Other^Name"))).SOPInstanceUID == uid


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Änne"),
        ("ISO_IR 192", "Łęcka^Zoë=山田^花子"),
        (["", "ISO 2022 IR 87"], "Yamada^Hanako=山田^花子=やまだ^はなこ"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 144", "Люкceмбypг"),
    ],
)
def test_names_survive_in_their_character_set(make_source, as_read, draft, charset, name):
    source = as_read(make_source(SpecificCharacterSet=charset, PatientName=name))
    written = source.get_item("PatientName").value.rstrip()
    done = completed(draft, Source.of(source))
    assert str(done.PatientName) == name
    assert done.SpecificCharacterSet == charset
    assert written in encoded(done)


def test_a_character_set_that_nobody_knows_is_kept(make_source, as_read, draft):
    source = make_source(PatientName="Plöin^Name")
    source.add(DataElement("SpecificCharacterSet", "CS", "ISO_IR 999", validation_mode=0))
    done = completed(draft, Source.of(as_read(source)))
    assert b"ISO_IR 999" in encoded(done) and "Plöin^Name".encode("latin-1") in encoded(done)


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [("PatientBirthDate", "DA", "1963/02/14"), ("StudyTime", "TM", "10:11:12"), ("PatientSex", "CS", "female")],
)
def test_values_that_are_not_valid_are_copied_as_they_are(make_source, as_read, draft, keyword, vr, value):
    source = make_source()
    source.add(DataElement(keyword, vr, value, validation_mode=0))
    done = completed(draft, Source.of(as_read(source)))
    assert value.encode() in encoded(done)


def test_what_cannot_be_copied_is_refused_without_telling_it(make_source, draft):
    source = make_source()
    source["PatientName"]._value = object()
    with pytest.raises(DicomError, match="patient and study cannot be copied") as caught:
        completed(draft, Source.of(source))
    assert caught.value.__cause__ is None


def test_series_differ_by_kind_source_and_algorithm(make_source, algorithm):
    source = Source.of(make_source())
    other = Source.of(make_source(SeriesInstanceUID="1.2.3"))
    uids = {series_uid(source, algorithm, kind) for kind in Kind} | {series_uid(other, algorithm, Kind.SEG)}
    assert len(uids) == len(Kind) + 1
    assert maker(source, algorithm, Kind.SR, 3)["series_instance_uid"] == series_uid(source, algorithm, Kind.SR)
