"""Work in threads, a few items ahead of whoever takes the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def run_ahead(function: Callable[[T], R], items: Iterable[T], *, workers: int = 2, ahead: int = 8) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, computed in threads while the caller works.

    At most `ahead` results are held or under way, and `items` is drawn from no faster: memory does not grow with
    the number of items. An exception of `function` is raised at its item's turn.

    Args:
        function: what to do with an item; called in threads.
        items: drawn from in the caller's thread.
        workers: number of threads.
        ahead: the most items under way, at least 1.
    """
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:  # the caller stopped early: what has not started need not
                future.cancel()


def overlapped(begin: Callable[[T], Iterable[R]], items: Iterable[T]) -> Iterator[R]:
    """Yield the results of each item, in order; an item is begun before those of the one ahead of it are asked for.

    What `begin` has another thread do goes on meanwhile. Two items are under way at most. An error in drawing or in
    beginning an item is raised behind the results of those ahead of it.

    Args:
        begin: begins on an item, in the caller's thread, and returns its results, which wait for what they need.
        items: drawn from in the caller's thread.
    """
    begun = map(begin, items)
    results: Iterable[R] = ()
    while True:
        try:
            following = next(begun, None)
        except Exception:
            yield from results
            raise
        yield from results
        if following is None:
            return
        results = following
