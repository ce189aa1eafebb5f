"""Reading a request: every file by its content, each failure on its own."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from echoduet.data.phantom_dicom import PhantomExam, draw_exam, phantom_file
from echoduet.service.frames import Task, read_job
from echoduet.service.headers import unpack_header
from echoduet.service.jobs import Job, Options
from echoduet.service.limits import Limits
from echoduet.service.spool import Spool
from echoduet.service.uploads import Received

EXAM = PhantomExam(seed=3, width=160, frames=3)


@pytest.fixture
def job():
    """Make a job of files: `job(("a.png", content), ...)`."""
    spool = Spool(Limits())
    jobs = []

    def make(*files):
        received = []
        for name, content in files:
            spooled = spool.new()
            spooled.write(content)
            received.append(Received(spooled, name))
        jobs.append(Job(received, Options()))
        return jobs[-1]

    yield make
    for made in jobs:
        for file in made.files:
            file.content.close()
    assert spool.held == 0


def png_of(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_and_frames_come_in_order_with_their_places(job, disc):
    total, *tasks = read_job(job(("a.png", png_of(disc())), ("loop.dcm", phantom_file(EXAM))), Limits())
    assert total == 4
    places = [(task.place.index, task.place.file, task.place.name, task.place.frame) for task in tasks]
    assert places == [(0, 0, "a.png", None), (1, 1, "loop.dcm", 0), (2, 1, "loop.dcm", 1), (3, 1, "loop.dcm", 2)]
    np.testing.assert_array_equal(tasks[0].scan.image, disc())
    drawing = draw_exam(EXAM)
    for frame, task in enumerate(tasks[1:]):
        np.testing.assert_array_equal(task.scan.image, drawing.frames[frame])
        assert task.scan.region == drawing.regions[0].box
        assert task.scan.spacing.row == pytest.approx(0.25)
    assert tasks[0].header is None
    assert unpack_header(tasks[1].header).Rows == drawing.frames.shape[1]
    assert len(tasks[1].header) < 20_000


def test_a_file_is_let_go_behind_its_last_picture(job, disc):
    made = job(("a.png", png_of(disc())), ("b.png", png_of(disc())))
    steps = read_job(made, Limits())
    next(steps), next(steps)
    assert [file.content.stream.closed for file in made.files] == [False, False]
    next(steps)
    assert [file.content.stream.closed for file in made.files] == [True, False]
    assert list(steps) == []
    assert [file.content.stream.closed for file in made.files] == [True, True]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"bad\.png: is empty"),
        (b"<html>", r"bad\.png: is no PNG"),
        (b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", r"bad\.png: is damaged"),
        (b"\0" * 128 + b"DICM" + b"\0" * 40, r"bad\.png: "),
    ],
)
def test_what_cannot_be_read_fails_by_itself_and_names_only_the_file(job, disc, content, sentence):
    total, bad, good = read_job(job(("bad.png", content), ("a.png", png_of(disc()))), Limits())
    assert total == 2
    assert (bad.body.index, bad.body.status, bad.by_input) == (0, "failed", True)
    assert re.match(sentence, bad.body.error)
    assert "/tmp" not in bad.body.error
    assert isinstance(good, Task)
    assert good.place.index == 1


def test_a_picture_larger_than_the_limit_is_not_decoded(job):
    bomb = png_of(np.zeros((4000, 4000), np.uint8))
    assert len(bomb) < 40_000
    _, kept = read_job(job(("bomb.png", bomb)), Limits(picture_pixels=1_000_000))
    assert "bomb.png: 4000x4000 pixels, more than the 1,000,000 that are read" in kept.body.error


def test_a_file_with_too_many_frames_or_pixels_is_refused_whole(job):
    for limits in (Limits(frames=2), Limits(picture_pixels=1000)):
        total, kept = read_job(job(("loop.dcm", phantom_file(EXAM))), limits)
        assert total == 1
        assert kept.body.status == "failed"
        assert kept.body.error.startswith("loop.dcm: ")


def test_a_fault_of_a_reader_is_the_servers_and_concerns_one_file(job, disc, monkeypatch):
    def fault(*_, **__):
        raise RuntimeError("secret.png of Jane Doe")

    monkeypatch.setattr("echoduet.service.frames.read_scans", fault)
    _, kept = read_job(job(("a.png", png_of(disc()))), Limits())
    assert (kept.body.error, kept.by_input) == ("a.png: could not be read, by a fault of this server.", False)
