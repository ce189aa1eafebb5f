"""Leaving nothing half-written when the system asks the process to end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TERMINATED = 128 + signal.SIGTERM
"""Exit code, as a shell tells it of a process that SIGTERM ended."""


@contextmanager
def tidy_at_sigterm() -> Iterator[None]:
    """Let SIGTERM (`timeout`, `docker stop`, a batch system) end the block as an exception, so that files are tidied.

    Without it the process is gone at once, and temporary files stay. Ctrl-C is an exception anyway.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one may set a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
