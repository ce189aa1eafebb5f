"""A thread that does one step of work after the other until it is stopped."""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod

from echoduet.dicom.node.journal import Journal

PAUSE_S = 0.5
"""How long a thread without work waits before it looks again; other processes may have changed the queue."""

LONGEST_PAUSE_S = 30.0
"""How long it waits at most where steps fail one after the other, as on a full disk: each pause doubles the last."""


class Loop(threading.Thread, ABC):
    """Works, and waits where there is nothing to do. A full disk is a reason to wait, not to end."""

    def __init__(self, name: str, journal: Journal) -> None:
        super().__init__(name=name, daemon=True)
        self.journal = journal
        self._waking = threading.Event()
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether no further work is to be begun."""
        return self._stopping.is_set()

    @abstractmethod
    def step(self) -> bool:
        """Do a piece of work, and return whether there was any."""

    def run(self) -> None:
        """Work until stopped."""
        pause = PAUSE_S
        while not self.stopping:
            try:
                busy = self.step()
                pause = PAUSE_S
            except Exception as error:  # noqa: BLE001 - a thread that has ended would be missed by nobody
                busy = False
                pause = min(2 * pause, LONGEST_PAUSE_S)
                self._tell(error)
            if not busy:
                self._waking.wait(pause)
                self._waking.clear()

    def _tell(self, error: Exception) -> None:
        if self.stopping:  # the queue may have been closed by then
            return
        event = "disk_failed" if isinstance(error, OSError | sqlite3.Error) else "step_failed"
        self.journal.tell(event, "error", thread=self.name, reason=type(error).__name__)

    def wake(self) -> None:
        """Let it look for work now."""
        self._waking.set()

    def stop(self) -> None:
        """Let it end after the step at hand."""
        self._stopping.set()
        self.wake()
