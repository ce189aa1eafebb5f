"""The threads: pictures of all jobs in turn, together where they wait together, and no picture harms another."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from echoduet.records import Scan
from echoduet.service.frames import Task
from echoduet.service.jobs import JobStore, Options
from echoduet.service.limits import Limits
from echoduet.service.metrics import Metrics
from echoduet.service.results import Place, failed
from echoduet.service.schemas import Status
from echoduet.service.worker import Worker


def picture(first=20):
    """Draw a picture whose first pixels say what the network does with it."""
    image = np.full((64, 64), 20, np.uint8)
    image[:2, :2] = first
    return image


@pytest.fixture
def run(predictor):
    """Start a worker whose jobs are lists of pictures: `run(store)`; returns how a job is added."""
    workers = []

    def start(store, begin=True):
        pictures = {}

        def read(job):
            images = pictures[job.id]
            yield len(images)
            for index, image in enumerate(images):
                place = Place(index, index, f"{index}.png")
                yield Task(job, place, Scan("x", image))

        worker = Worker(predictor, store, read, Metrics())
        workers.append(worker)

        def add(images, **options):
            job = store.add((), Options(**options))
            pictures[job.id] = images
            worker.add(job)
            return job

        add.worker = worker
        if begin:
            worker.start()
        return add

    yield start
    for worker in workers:
        if worker.alive:
            worker.stop()


def test_every_picture_is_answered_in_its_place(run):
    store = JobStore(Limits())
    add = run(store)
    job = add([picture() for _ in range(11)])
    job.settled.result(20)
    while not job.over:
        time.sleep(0.01)
    assert [kept.body.index for kept in job.in_order()] == list(range(11))
    assert {kept.body.status for kept in job.in_order()} == {"answered"}


def test_pictures_that_wait_together_go_through_the_network_together(run, glow):
    store = JobStore(Limits())
    add = run(store, begin=False)
    jobs = [add([picture()], uncertain=False) for _ in range(8)]
    glow.seconds = 0.05
    add.worker.start()
    for job in jobs:
        job.settled.result(20)
    assert sum(glow.batches) >= 8
    assert max(glow.batches) == 4
    assert len(glow.batches) < 8


def test_pictures_that_are_analysed_differently_are_not_mixed(run, glow):
    store = JobStore(Limits())
    add = run(store, begin=False)
    jobs = [add([picture()], uncertain=number % 2 == 0) for number in range(4)]
    add.worker.start()
    for job in jobs:
        job.settled.result(20)
    readings = [job.results[0].body.uncertainty and job.results[0].body.uncertainty.readings for job in jobs]
    assert readings == [2, None, 2, None]


def test_a_long_job_does_not_hold_up_a_short_one(run, glow):
    glow.seconds = 0.02
    store = JobStore(Limits(sync_frames=10**6))
    add = run(store)
    long = add([picture() for _ in range(120)])
    time.sleep(0.05)
    short = add([picture()])
    short.settled.result(20)
    assert short.status is Status.DONE
    assert len(long.results) < 60
    store.forget(long)


def test_a_picture_that_the_network_fails_on_fails_alone(run, glow):
    glow.fails_on = 200
    store = JobStore(Limits())
    add = run(store, begin=False)
    job = add([picture(), picture(200), picture(), picture(), picture()])
    add.worker.start()
    job.settled.result(20)
    bodies = [kept.body for kept in job.in_order()]
    assert [body.status for body in bodies] == ["answered", "failed", "answered", "answered", "answered"]
    assert bodies[1].error == "1.png: the analysis failed, by a fault of this server."
    assert add.worker.alive


def test_a_job_that_is_forgotten_is_not_worked_on(run, glow):
    glow.seconds = 0.05
    store = JobStore(Limits())
    add = run(store)
    job = add([picture() for _ in range(200)])
    time.sleep(0.1)
    store.forget(job)
    time.sleep(0.2)
    calls = len(glow.batches)
    time.sleep(0.2)
    assert len(glow.batches) <= calls + 1
    assert add.worker.waiting == 0


def test_pictures_are_not_read_far_ahead(run, glow):
    glow.seconds = 0.3
    store = JobStore(Limits())
    add = run(store)
    add([picture() for _ in range(100)], uncertain=False)
    time.sleep(0.2)
    assert add.worker.waiting <= 8


def test_a_result_that_cannot_be_drawn_fails_by_itself(run, monkeypatch):
    def fault(*_):
        raise ValueError("a fault")

    monkeypatch.setattr("echoduet.service.worker.answered", fault)
    store = JobStore(Limits())
    job = run(store)([picture()])
    job.settled.result(20)
    assert job.results[0].body.error == "0.png: no result could be made, by a fault of this server."


def test_the_end_leaves_no_thread(run):
    before = set(threading.enumerate())  # some may end meanwhile: those of predictors that are gone
    store = JobStore(Limits())
    add = run(store)
    assert len(set(threading.enumerate()) - before) >= 3
    add([picture() for _ in range(50)])
    add.worker.stop()
    left = {thread.name.split("_")[0] for thread in set(threading.enumerate()) - before}
    assert left <= {"echoduet-analysis"}  # the predictor's own, which outlive the worker as it does
    assert not add.worker.alive


def test_failures_of_reading_are_results_as_well(predictor):
    store = JobStore(Limits())

    def read(job):
        yield 1
        yield failed(Place(0, 0, "a.png"), "a.png: is damaged.", True)

    worker = Worker(predictor, store, read, Metrics())
    worker.start()
    job = store.add((), Options())
    worker.add(job)
    job.settled.result(20)
    worker.stop()
    assert job.results[0].body.error == "a.png: is damaged."
