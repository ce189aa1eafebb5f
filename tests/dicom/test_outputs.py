from __future__ import annotations

import logging
import subprocess
import traceback
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement

from echoduet.data.dicom.objects import Syntax
from echoduet.data.phantom_dicom import PhantomExam, draw_exam, write_phantom_dicom
from echoduet.data.scans import open_dicom
from echoduet.dicom.identity import Kind
from echoduet.dicom.outputs import create, write_outputs
from echoduet.errors import DicomError, OutputError, ShapeError
from echoduet.records import Ground, Label

from .conftest import SECRETS, answer, tool

REFUSED = {"answered": False, "refused": (Ground.NOT_ULTRASOUND,)}


@pytest.fixture
def answers(make_analysis):
    """One frame of every sort: a lesion, none, refused."""
    return [make_analysis(frame=0), make_analysis(frame=1, lesions=0), make_analysis(frame=2, **REFUSED)]


def test_what_is_created_of_several_frames(make_source, answers, algorithm):
    created = list(create(make_source(frames=3), answers, algorithm))
    assert [(one.kind, one.frame) for one in created] == [
        (Kind.SEG, 1),
        (Kind.SC, 1),
        (Kind.SC, 2),
        (Kind.SR, None),
    ]
    assert {one.dataset.StudyInstanceUID for one in created} == {make_source().StudyInstanceUID}
    assert len({one.dataset.SOPInstanceUID for one in created}) == len(created)


def test_files_are_named_by_frame_and_kind(tmp_path, make_source, answers, algorithm):
    paths = write_outputs(make_source(frames=3), answers, algorithm, tmp_path / "new", "scan")
    assert [path.name for path in paths] == [
        "scan.f0001.seg.dcm",
        "scan.f0001.sc.dcm",
        "scan.f0002.sc.dcm",
        "scan.sr.dcm",
    ]
    assert set((tmp_path / "new").iterdir()) == set(paths)
    assert [dcmread(path).Modality for path in paths] == ["SEG", "OT", "OT", "SR"]


def test_nobody_can_be_told_of_and_all_is_valid(make_source, make_analysis, algorithm, verify):
    source = make_source(**dict.fromkeys([*SECRETS, "StudyDate", "StudyTime", "PatientSex", "InstanceNumber"]))
    for created in create(source, [make_analysis(lesions=3)], algorithm):
        verify(created.dataset)
        assert created.dataset.PatientName == created.dataset.StudyDate == ""


@pytest.mark.parametrize(
    "exam",
    [
        PhantomExam(label=Label.MALIGNANT, width=160),
        PhantomExam(label=Label.BENIGN, width=160, frames=2, photometric="RGB", syntax=Syntax.JPEG),
        PhantomExam(label=Label.BENIGN, width=160, photometric="PALETTE COLOR", syntax=Syntax.RLE, regions=False),
    ],
    ids=["gray", "loop", "palette"],
)
def test_a_scanners_file_is_answered_in_its_own_study(tmp_path, algorithm, verify, exam):
    path = write_phantom_dicom(tmp_path / "source.dcm", exam)
    source = open_dicom(path)
    masks = draw_exam(exam).masks
    analyses = [
        replace(answer(mask=mask, spacing=scan.spacing), scan=scan)
        for scan, mask in zip(source.scans(), masks, strict=True)
    ]
    paths = write_outputs(source.dataset, analyses, algorithm, tmp_path / "out", source.name)
    found = [dcmread(one) for one in paths]
    for instance in found:
        verify(instance)
    segmentations = [instance for instance in found if instance.Modality == "SEG"]
    for instance, mask in zip(segmentations, masks, strict=True):
        assert np.array_equal(instance.pixel_array.reshape(-1, *mask.shape).any(axis=0), mask)
    assert {instance.StudyInstanceUID for instance in found} == {source.dataset.StudyInstanceUID}
    fit_together([path, *paths])


def test_the_instances_of_two_sources_fit_together(tmp_path, make_source, answers, make_analysis, algorithm):
    paths = write_outputs(make_source(frames=3), answers, algorithm, tmp_path, "loop")
    paths += write_outputs(make_source(), [make_analysis()], algorithm, tmp_path, "still")
    fit_together(paths)


def fit_together(paths):
    done = subprocess.run([tool("dcentvfy"), *paths], capture_output=True, text=True, errors="replace", check=False)
    assert (done.returncode, "Error" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("kind", Kind)
def test_only_what_is_asked_for(tmp_path, make_source, make_analysis, algorithm, kind):
    paths = write_outputs(make_source(), [make_analysis()], algorithm, tmp_path, "scan", {kind})
    assert [path.name for path in paths] == [f"scan.{kind}.dcm"]


def test_a_report_alone_refers_to_nothing_that_is_not_there(make_source, make_analysis, algorithm):
    (report,) = create(make_source(), [make_analysis(lesions=3)], algorithm, {Kind.SR})
    assert b"1.2.840.10008.5.1.4.1.1.66.4" not in str(report.dataset).encode()
    (evidence,) = report.dataset.CurrentRequestedProcedureEvidenceSequence
    assert len(evidence.ReferencedSeriesSequence) == 1


def test_a_second_run_writes_the_same_instances(tmp_path, make_source, answers, algorithm):
    runs = []
    for _ in range(2):
        paths = write_outputs(make_source(frames=3), answers, algorithm, tmp_path, "scan")
        runs.append([(path.name, dcmread(path).SOPInstanceUID) for path in paths])
    assert runs[0] == runs[1]


def test_analyses_are_drawn_one_by_one(make_source, make_analysis, algorithm):
    drawn = []

    def stream():
        for frame in range(3):
            drawn.append(frame)
            yield make_analysis(frame=frame)

    created = create(make_source(frames=3), stream(), algorithm, {Kind.SEG})
    next(created)
    assert drawn == [0]


def test_a_frame_cannot_be_told_of_twice(make_source, make_analysis, algorithm):
    with pytest.raises(DicomError, match="frame 2 was analysed twice"):
        list(create(make_source(frames=3), [make_analysis(frame=1)] * 2, algorithm))


def test_an_analysis_of_another_source_leaves_no_file(tmp_path, make_source, make_analysis, algorithm):
    with pytest.raises(ShapeError):
        write_outputs(make_source(shape=(9, 9)), [make_analysis()], algorithm, tmp_path, "scan")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a"])
def test_a_name_is_a_plain_one(tmp_path, make_source, make_analysis, algorithm, name):
    with pytest.raises(OutputError, match="plain file name"):
        write_outputs(make_source(), [make_analysis()], algorithm, tmp_path, name)


def test_no_log_no_name_and_no_error_tells_of_the_patient(
    tmp_path, make_source, as_read, answers, algorithm, caplog, recwarn
):
    caplog.set_level(logging.DEBUG)
    # Values of which libraries like to warn, and quote them.
    strange = {"PatientName": "Zyxwv^Qwertz" + "=" * 3 + "Zyxwv", "PatientID": "PID-4711-X" + "9" * 70}
    for values in ({}, strange):
        source = make_source(frames=3)
        for keyword, value in values.items():
            source.add(DataElement(keyword, source[keyword].VR, value, validation_mode=0))
        write_outputs(as_read(source), answers, algorithm, tmp_path, "scan")
    broken = make_source(frames=3)
    broken["PatientName"]._value = ["Zyxwv", object()]
    with pytest.raises(DicomError) as caught:
        write_outputs(broken, answers, algorithm, tmp_path, "scan")
    traced = "".join(traceback.format_exception(caught.value))
    told = [caplog.text, *(path.name for path in tmp_path.iterdir()), traced, *(str(one.message) for one in recwarn)]
    assert "highdicom" in caplog.text and "cannot be copied" in traced  # there was something to look through
    for secret in ("Zyxwv", "Qwertz", *SECRETS.values()):
        assert not any(secret in text for text in told), secret
