"""How many threads suit a process, and work in two of them."""

from __future__ import annotations

import os
import threading

import pytest

from echoduet.inference import threads
from echoduet.inference.threads import Lanes, usable_cores


@pytest.fixture
def free(monkeypatch):
    """Nobody has said how many threads to use."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(("said", "threads_used"), [("3", 3), ("17", 17)])
def test_who_says_how_many_is_obeyed(monkeypatch, said, threads_used):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert usable_cores() == threads_used


@pytest.mark.parametrize("said", ["", "0", "many", "2,1"])
def test_else_the_cores_that_the_process_may_use(monkeypatch, said):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert 1 <= usable_cores() <= len(threads._allowed())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process")
def test_a_bound_process_has_fewer(free):
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_two_threads_of_a_core_count_once(tmp_path):
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    assert threads._physical({0, 1, 2, 3}, tmp_path) == 2
    assert threads._physical({0, 2}, tmp_path) == 1
    assert threads._physical({0, 8, 9}, tmp_path) == 3  # of the last two nothing is known


@pytest.mark.parametrize(("said", "share"), [("150000 100000", 2), ("50000 100000", 1), ("400000 100000", 4)])
def test_a_containers_share_counts(tmp_path, said, share):
    path = tmp_path / "cpu.max"
    path.write_text(said + "\n")
    assert threads._quota(path) == share


@pytest.mark.parametrize("said", ["max 100000", "", None])
def test_no_share_is_no_limit(tmp_path, said):
    path = tmp_path / "cpu.max"
    if said is not None:
        path.write_text(said)
    assert threads._quota(path) == os.cpu_count()


def test_two_halves_are_worked_on_at_once_and_in_the_same_two_threads_each_time():
    meeting = threading.Barrier(2)  # broken by its timeout, were one half to wait for the other's end

    def work(half):
        meeting.wait(timeout=30)
        return half, threading.get_ident()

    lanes = Lanes()
    for _ in range(3):
        (one, here), (other, there) = lanes.both(work, "one", "other")
        assert (one, other) == ("one", "other")
        assert here == threading.get_ident()
    assert lanes.both(work, 1, 2) == ((1, here), (2, there))


@pytest.mark.parametrize("failing", ["here", "there"])
def test_an_error_in_either_half_is_raised_once_neither_is_at_work(failing):
    other_began, ended = threading.Event(), []

    def work(half):
        if half == "there":
            other_began.set()
        assert other_began.wait(timeout=30)
        if half == failing:
            raise ValueError(half)
        ended.append(half)

    with pytest.raises(ValueError, match=failing):
        Lanes().both(work, "here", "there")
    assert ended == [{"here": "there", "there": "here"}[failing]]
