"""The conformance statement says what the code does."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UltrasoundMultiFrameImageStorage

from echoduet.dicom import codes
from echoduet.dicom.identity import IMPLEMENTATION_CLASS, Algorithm, Kind
from echoduet.dicom.outputs import create
from echoduet.dicom.source import PATIENT_AND_STUDY
from echoduet.inference.measurements import measure_lesions
from echoduet.records import Analysis, Label, Prediction, Scan

HEADINGS = {Kind.SEG: "### Segmentation", Kind.SR: "### Comprehensive SR", Kind.SC: "### Secondary Capture"}


@pytest.fixture(scope="module")
def statement(root):
    """The page."""
    return (root / "docs" / "dicom-conformance.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def created():
    """One instance of each kind, of a source that has every attribute that is used."""
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = UltrasoundMultiFrameImageStorage, "1.2.3"
    source.StudyInstanceUID, source.SeriesInstanceUID = "1.2.1", "1.2.2"
    source.SpecificCharacterSet, source.NumberOfFrames = "ISO_IR 100", 3
    source.Rows, source.Columns, source.IssuerOfPatientID = 32, 48, "Somebody"
    source.LossyImageCompression, source.LossyImageCompressionRatio = "01", "9"
    source.LossyImageCompressionMethod, source.BurnedInAnnotation = "ISO_10918_1", "NO"
    mask = np.zeros((32, 48), dtype=bool)
    mask[4:9, 5:20] = True
    answer = Prediction("scan", mask, np.array([0.5, 0.25, 0.25]), Label.BENIGN)
    scan = Scan("scan", mask.astype(np.uint8), frame=1)
    analysis = Analysis(scan, (), answer, answer, measure_lesions(mask))
    return {one.kind: one.dataset for one in create(source, [analysis], Algorithm("base", "ab" * 32))}


def keywords(text):
    return set(re.findall(r"`([A-Z]\w+)`", text))


def section(statement, heading):
    return statement.split(f"\n{heading}\n")[1].split("\n##")[0]


@pytest.mark.parametrize("kind", Kind)
def test_every_attribute_that_is_created_is_stated_and_no_other(statement, created, kind):
    common = keywords(section(statement, "## Created instances"))
    stated = keywords(section(statement, HEADINGS[kind])) | common | set(PATIENT_AND_STUDY)
    assert {element.keyword for element in created[kind]} == stated
    assert created[kind].SOPClassUID in section(statement, "### SOP classes created")


def test_what_is_copied_is_stated(statement):
    stated = section(statement, "## Attributes used of a source")
    assert keywords(stated) == set(PATIENT_AND_STUDY)
    assert str(IMPLEMENTATION_CLASS) in statement


def test_every_code_is_stated_and_no_other(statement):
    rows = re.findall(r"^\| (\S+) \| (SCT|DCM|UCUM|UMLS) \| ([^|]+) \|", statement, re.MULTILINE)
    named = [value for value in vars(codes).values() if isinstance(value, Code)]
    named += [codes.DEVICE, *codes.SIDES.values(), *codes.CLASS_VALUES.values()]
    standard = {(code.value, code.scheme_designator, code.meaning) for code in named}
    assert set(rows) == {code for code in standard if code[1] != codes.SCHEME}
    own = statement.split("is EchoDuet's own:")[1].split("\n## ")[0]
    assert re.findall(r"^\| ([a-z]\S*) \| ([^|]+) \|", own, re.MULTILINE) != []
    assert set(re.findall(r"^\| ([a-z]\S*) \| ([^|]+) \|", own, re.MULTILINE)) == {
        (code.value, code.meaning) for code in codes.own_codes()
    }
