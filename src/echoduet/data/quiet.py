"""Keeping other people's readers from warning about a file whose faults are raised as errors anyway."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Warning filters belong to the whole process: two threads that change them must not overlap.
_LOCK = threading.RLock()


@contextmanager
def without_warnings(category: type[Warning] = Warning) -> Iterator[None]:
    """Ignore warnings of this category, in one thread at a time."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore", category)
        yield
