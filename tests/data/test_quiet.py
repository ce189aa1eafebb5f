"""Silence about a file, in one thread at a time."""

from __future__ import annotations

import threading
import time
import warnings

import pytest

from echoduet.data.quiet import without_warnings


def test_only_the_category_is_silenced():
    with without_warnings(UserWarning):
        warnings.warn("of the file", UserWarning, stacklevel=1)
        with pytest.raises(DeprecationWarning):
            warnings.warn("of the program", DeprecationWarning, stacklevel=1)
    with pytest.raises(UserWarning, match="again"):
        warnings.warn("again", UserWarning, stacklevel=1)


def test_it_can_be_nested():
    with without_warnings(), without_warnings(UserWarning):
        warnings.warn("of the file", UserWarning, stacklevel=1)


def test_threads_take_turns_so_that_the_filters_come_back():
    before = list(warnings.filters)
    inside = []

    def hush():
        with without_warnings():
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=hush) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == []
    assert list(warnings.filters) == before
