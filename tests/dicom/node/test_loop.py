"""A thread that works, waits and ends."""

from __future__ import annotations

import io
import sqlite3
import threading

import pytest

from echoduet.dicom.node.journal import Journal
from echoduet.dicom.node.loop import Loop


class Counting(Loop):
    """Does so many steps of work, then has none; fails first where it is told to."""

    def __init__(self, work, failures=()):
        self.log = io.StringIO()
        super().__init__("counting", Journal(self.log))
        self.left, self.failures, self.idle = work, list(failures), threading.Event()

    def step(self):
        if self.failures:
            raise self.failures.pop()
        if self.left == 0:
            self.idle.set()
            return False
        self.left -= 1
        return True


def test_it_works_until_there_is_nothing_and_wakes_again():
    loop = Counting(3)
    loop.start()
    assert loop.idle.wait(5)
    loop.left = 2
    loop.idle.clear()
    loop.wake()
    assert loop.idle.wait(5)
    assert loop.left == 0
    loop.stop()
    loop.join(5)
    assert not loop.is_alive()


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(28, "full"), "disk_failed"),
        (sqlite3.OperationalError("disk I/O error"), "disk_failed"),
        (ZeroDivisionError("Zyxwv^Qwertz"), "step_failed"),
    ],
)
def test_what_fails_is_told_and_tried_again(failure, told):
    loop = Counting(1, [failure])
    loop.start()
    assert loop.idle.wait(5)
    loop.stop()
    loop.join(5)
    assert f'"{told}"' in loop.log.getvalue()
    assert "Zyxwv" not in loop.log.getvalue()


def test_pauses_double_while_steps_fail_and_are_short_again_after_one_that_did_not(monkeypatch):
    loop, pauses = Counting(0, [OSError(28, "full")] * 9), []

    def wait(seconds):
        pauses.append(seconds)
        if len(pauses) == 10:
            loop.stop()

    monkeypatch.setattr(loop._waking, "wait", wait)
    loop.run()
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30, 0.5]


def test_a_step_at_hand_is_ended():
    loop = Counting(10**9)
    loop.start()
    loop.stop()
    loop.join(5)
    assert not loop.is_alive()
    assert loop.stopping
