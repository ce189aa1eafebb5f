"""How a room reports progress without knowing who shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Something that passes items through and shows how far it is."""

    def __call__(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        """Yield `items` unchanged; `total` is their number where `len(items)` is not known."""
        ...


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` and show nothing."""
    yield from items
