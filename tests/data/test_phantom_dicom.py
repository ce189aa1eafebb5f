"""Phantoms as a scanner would send them: valid objects whose parts lie where they say."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from echoduet.data.dicom.objects import Syntax
from echoduet.data.phantom_dicom import PhantomExam, draw_exam, phantom_file, write_phantom_dicom
from echoduet.data.scans import read_scans
from echoduet.data.uploads import Upload
from echoduet.records import Label

EXAM = PhantomExam(width=128, label=Label.MALIGNANT)
# dicom3tools reads everything but deflated files.
VALID = [(syntax, "MONOCHROME2") for syntax in Syntax if syntax is not Syntax.DEFLATED]
VALID += [(Syntax.EXPLICIT, "MONOCHROME1"), (Syntax.EXPLICIT, "RGB"), (Syntax.JPEG, "RGB"), (Syntax.JPEG_2000, "RGB")]
VALID += [(Syntax.RLE, "YBR_FULL"), (Syntax.EXPLICIT, "PALETTE COLOR"), (Syntax.RLE, "PALETTE COLOR")]


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(("syntax", "photometric"), VALID)
def test_they_are_valid(tmp_path, syntax, photometric, frames):
    if shutil.which("dciodvfy") is None:
        reason = "no dciodvfy is installed: apt install dicom3tools"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    exam = replace(EXAM, syntax=syntax, photometric=photometric, frames=frames, panels=frames)
    path = write_phantom_dicom(tmp_path / "phantom.dcm", exam)
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []
    assert done.returncode == 0


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"])
def test_the_frames_are_those_drawn(photometric):
    exam = replace(EXAM, photometric=photometric, frames=2)
    scans = list(read_scans(Upload(phantom_file(exam), "x")))
    drawing = draw_exam(exam)
    np.testing.assert_array_equal([scan.image for scan in scans], drawing.frames)
    assert {scan.colour for scan in scans} == {None}


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_a_coloured_mark_in_the_interface(photometric):
    (scan,) = read_scans(Upload(phantom_file(replace(EXAM, photometric=photometric, syntax=Syntax.RLE)), "x"))
    coloured = np.ptp(scan.colour.astype(int), axis=2) > 30
    assert coloured.any()
    assert not coloured[scan.region.slices].any()


def test_masks_lie_within_the_regions_and_panels_are_told():
    exam = replace(EXAM, panels=2, frames=3)
    drawing = draw_exam(exam)
    inside = np.zeros(drawing.frames.shape[1:], np.bool_)
    for region in drawing.regions:
        inside[region.box.slices] = True
    assert drawing.masks.any(axis=(1, 2)).all()
    assert not (drawing.masks & ~inside).any()
    assert {scan.panels for scan in read_scans(Upload(phantom_file(exam), "x"))} == {2}


def test_without_regions_nothing_is_told():
    (scan,) = read_scans(Upload(phantom_file(replace(EXAM, regions=False)), "x"))
    assert (scan.region, scan.spacing, scan.panels) == (None, None, 1)


def test_the_same_examination_is_the_same_file():
    assert phantom_file(EXAM) == phantom_file(EXAM)
    assert phantom_file(EXAM) != phantom_file(replace(EXAM, seed=1))


def test_a_loop_moves():
    frames = draw_exam(replace(EXAM, frames=4)).frames
    assert (frames[0] != frames[1]).any()
