"""The store of jobs: bounded, forgetful, and never of what nobody has read yet."""

from __future__ import annotations

import pytest

from echoduet.service.jobs import JobStore, Options
from echoduet.service.layers import Layers
from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError
from echoduet.service.results import RESULT_OVERHEAD, Kept, Place, failed
from echoduet.service.schemas import Layer, ResultBody, Status


def result(index=0, size=0):
    """Make a result that takes so many bytes."""
    pictures = {Layer.IMAGE: b"x" * (size - RESULT_OVERHEAD)} if size else {}
    return Kept(ResultBody(index=index, file=0, name="a", status="answered"), Layers(pictures))


def done_job(store, size=0, read=False):
    """Add a job with one result."""
    job = store.add((), Options())
    store.begin(job, 1)
    store.put(job, result(size=size))
    job.read = read
    return job


def test_a_job_goes_its_way():
    store = JobStore(Limits())
    job = store.add((), Options())
    assert (job.status, store.open, job.settled.done()) == (Status.QUEUED, 1, False)
    store.begin(job, 2)
    store.put(job, result(1))
    assert (job.status, job.frames_total, job.finished) == (Status.RUNNING, 2, None)
    store.put(job, result(0))
    assert (job.status, store.open, store.unread, job.settled.done()) == (Status.DONE, 0, 1, True)
    assert [kept.body.index for kept in job.in_order()] == [0, 1]
    assert [kept.body.index for kept in job.in_order(1)] == [1]
    assert store.get(job.id) is job


def test_a_job_may_be_done_before_all_files_were_counted():
    store = JobStore(Limits())
    job = store.add((), Options())
    store.put(job, result())
    assert not job.over
    store.begin(job, 1)
    assert job.status is Status.DONE


def test_a_long_job_is_not_waited_for():
    store = JobStore(Limits(sync_frames=3))
    short, long = store.add((), Options()), store.add((), Options())
    store.begin(short, 3)
    store.begin(long, 4)
    assert (short.settled.done(), long.settled.done()) == (False, True)
    assert not long.over


def test_ids_cannot_be_guessed():
    store = JobStore(Limits())
    ids = {store.add((), Options()).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(job_id) >= 22 for job_id in ids)


def test_the_queue_is_bounded():
    store = JobStore(Limits(queue=2))
    first, _ = store.add((), Options()), store.add((), Options())
    with pytest.raises(RefusedError, match="Too many requests are waiting") as refused:
        store.add((), Options())
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    store.forget(first)
    store.add((), Options())


def test_what_was_read_gives_way_the_longest_untouched_first():
    store = JobStore(Limits(result_bytes=100_000))
    old, unread, newer = (done_job(store, 30_000, read) for read in (True, False, True))
    store.get(old.id)  # touched again: newer is now the one that goes first
    last = done_job(store, 30_000)
    with pytest.raises(RefusedError):
        store.get(newer.id)
    assert {store.get(job.id).id for job in (old, unread, last)} == {old.id, unread.id, last.id}
    assert store.held == 90_000


def test_what_nobody_has_read_stays_and_new_requests_wait():
    store = JobStore(Limits(result_bytes=100_000))
    late = store.add((), Options())
    jobs = [done_job(store, 45_000) for _ in range(2)]
    store.begin(late, 1)
    store.put(late, result(size=45_000))
    assert late.results[0].body.status == "failed"
    assert "Too many results are held" in late.results[0].body.error
    assert all(job.results[0].body.status == "answered" for job in jobs)
    with pytest.raises(RefusedError, match="Too many results wait to be fetched"):
        store.require_room()


def test_results_are_forgotten_in_time(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("echoduet.service.jobs.time.monotonic", lambda: clock[0])
    store = JobStore(Limits(keep_seconds=10))
    job, running = done_job(store, 20_000), store.add((), Options())
    clock[0] += 9
    store.get(job.id)
    clock[0] += 9
    store.get(job.id)
    clock[0] += 11
    store.sweep()
    with pytest.raises(RefusedError, match="There is no such job, or it is no longer kept"):
        store.get(job.id)
    assert store.get(running.id) is running
    assert store.held == 0


def test_what_comes_after_the_end_is_dropped():
    store = JobStore(Limits())
    job = store.add((), Options())
    store.forget(job)
    store.forget(job)
    store.begin(job, 1)
    store.put(job, result(size=20_000))
    assert (job.status, job.results, store.held, store.open) == (Status.CANCELLED, {}, 0, 0)
    assert job.settled.done()


def test_all_that_is_open_can_be_given_up():
    store = JobStore(Limits())
    over, waiting = done_job(store), store.add((), Options())
    assert store.cancel_open() == 1
    assert (over.status, waiting.status) == (Status.DONE, Status.CANCELLED)
    store.clear()
    assert (store.open, store.held, store.unread) == (0, 0, 0)


def test_a_failure_keeps_its_place():
    kept = failed(Place(3, 1, "a.png", 7), "a.png: is damaged.", by_input=True)
    body = kept.body
    assert (body.index, body.file, body.name, body.frame, body.status) == (3, 1, "a.png", 7, "failed")
    assert (body.error, kept.by_input, kept.size) == ("a.png: is damaged.", True, RESULT_OVERHEAD)
