"""Sources of every sort, answers about them, and other people's tools that judge what is made of both."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from echoduet.dicom.identity import Algorithm
from echoduet.dicom.instances import encoded
from echoduet.inference.measurements import measure_lesions
from echoduet.records import Analysis, Check, Ground, Label, Prediction, Scan, Spacing, Uncertainty

SHAPE = (61, 83)
"""Odd on purpose: a row of a binary mask then ends within a byte."""

SPACING = Spacing(row=0.1, column=0.125)

SECRETS = {
    "PatientName": "Zyxwv^Qwertz",
    "PatientID": "PID-4711-X",
    "PatientBirthDate": "19630214",
    "AccessionNumber": "ACC-0815-Y",
    "ReferringPhysicianName": "Asdfgh^Yxcv",
    "StudyID": "STUDY-99",
}

ALGORITHM = Algorithm("echoduet-base", "0123456789abcdef" * 4, (("mask_threshold", "0.5"),))


def ultrasound(frames: int = 1, rgb: bool = False, shape: tuple[int, int] = SHAPE, **values: object) -> Dataset:
    """Return the header of an ultrasound instance; a value of None takes the attribute out."""
    source = Dataset()
    source.SOPClassUID = UltrasoundImageStorage if frames == 1 else UltrasoundMultiFrameImageStorage
    source.SOPInstanceUID = generate_uid(entropy_srcs=["instance", str(frames), str(rgb)])
    source.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    source.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    source.Modality = "US"
    source.Rows, source.Columns = shape
    source.SamplesPerPixel = 3 if rgb else 1
    source.PhotometricInterpretation = "RGB" if rgb else "MONOCHROME2"
    source.InstanceNumber = 5
    source.StudyDate, source.StudyTime, source.PatientSex = "20240131", "101112", "F"
    for keyword, value in SECRETS.items():
        setattr(source, keyword, value)
    if frames > 1:
        source.NumberOfFrames = frames
    for keyword, value in values.items():
        if value is None:
            del source[keyword]
        else:
            setattr(source, keyword, value)
    return source


def answer(
    lesions: int = 1,
    frame: int | None = None,
    spacing: Spacing | None = SPACING,
    mask: np.ndarray | None = None,
    refused: tuple[Ground, ...] = (),
    answered: bool = True,
    raw: Label | None = None,
) -> Analysis:
    """Return an answer about a picture with so many lesions, or with this mask."""
    mask = outlined(lesions) if mask is None else mask
    rng = np.random.default_rng(11)
    image = rng.integers(0, 256, mask.shape, dtype=np.uint8)
    checks = tuple(Check(ground, 0.875 if ground in refused else 0.125, 0.5) for ground in (Ground.TOO_SMALL, *refused))
    scan = Scan("scan", image, spacing=spacing, frame=frame)
    if not answered:
        return Analysis(scan, checks)
    outline = bool(mask.any())
    probabilities = np.array([0.21875, 0.65625, 0.125] if outline else [0.0625, 0.03125, 0.90625])
    label = Label.MALIGNANT if outline else Label.NORMAL
    refined = Prediction("scan", mask, probabilities, label)
    lesion_map = (0.25 + mask * 0.5).astype(np.float32)
    return Analysis(
        scan,
        checks,
        Prediction("scan", mask, probabilities, raw or label),
        refined,
        measure_lesions(mask, spacing, lesion_map),
        lesion_map,
        Uncertainty(6, None, 0.0625, np.array([0.03125, 0.0625, 0.015625])),
    )


def outlined(lesions: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Return a mask of so many lesions, each smaller than the one before; the first has a hole and a thin tail."""
    mask = np.zeros(shape, dtype=bool)
    for index in range(lesions):
        mask[4 + 18 * index : 18 + 18 * index, 5 : 45 - 10 * index] = True
    if lesions:
        mask[8:11, 10:16] = False
        mask[18, 45], mask[19, 46] = True, True
    return mask


@pytest.fixture
def make_source() -> Callable[..., Dataset]:
    """Make the header of an ultrasound instance: `make_source(frames=3, rgb=True, PatientName="A^B", StudyID=None)`."""
    return ultrasound


@pytest.fixture
def make_analysis() -> Callable[..., Analysis]:
    """Make an answer: `make_analysis(lesions=3, frame=2, spacing=None)`, or about a mask: `make_analysis(mask=...)`."""
    return answer


@pytest.fixture
def algorithm() -> Algorithm:
    """Who answers in these tests."""
    return ALGORITHM


@pytest.fixture
def as_read() -> Callable[[Dataset], Dataset]:
    """Write a dataset and read it: its elements are then bytes that nobody has looked at yet."""

    def read(dataset: Dataset) -> Dataset:
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the faults of the source are wanted here
            dataset.save_as(buffer, implicit_vr=False, little_endian=True)
            found = dcmread(io.BytesIO(buffer.getvalue()), force=True)
        found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return found

    return read


def tool(name: str) -> str:
    """Return the path of a program of Debian's dicom3tools or dcmtk; skip without it, but not where CI says so."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{name} is missing: apt install dicom3tools dcmtk")
        pytest.skip(f"{name} is missing: apt install dicom3tools dcmtk")
    return found


@pytest.fixture
def verify(tmp_path: Path) -> Callable[[Dataset], None]:
    """Have dciodvfy find no error in an instance, dcmdump read it, and dsrdump render it where it is a report."""

    def check(instance: Dataset) -> None:
        path = tmp_path / "instance.dcm"
        path.write_bytes(encoded(instance))
        done = subprocess.run([tool("dciodvfy"), path], capture_output=True, text=True, errors="replace", check=False)
        assert [line for line in done.stderr.splitlines() if line.startswith(("Error", "Abort"))] == []
        assert done.returncode == 0, done.stderr
        subprocess.run([tool("dcmdump"), "-q", path], capture_output=True, check=True)
        if instance.Modality == "SR":
            done = subprocess.run([tool("dsrdump"), path], capture_output=True, text=True, errors="replace", check=True)
            # dcmtk says so of every file in UTF-8.
            assert [line for line in done.stderr.splitlines() if "does not support this Specific" not in line] == []

    return check
