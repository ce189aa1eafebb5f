"""An attempt at a cell: a private folder beside the cell's place, renamed into it once it is whole.

A new attempt adopts what an earlier one left by renaming its folder. A ghost, an attempt that still runs on a machine
given up for lost, then finds its folder gone: it cannot write into what has been adopted, and stops.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from echoduet.errors import OutputError
from echoduet.experiments.grid.jobs import attempts_at
from echoduet.progress import Progress
from echoduet.runs import RunFolder

T = TypeVar("T")

LOOK_EVERY_S = 2.0
"""How often a running attempt makes sure that its folder is still its own."""


class Attempt:
    """The private folder of one attempt at one cell."""

    def __init__(self, place: Path, path: Path) -> None:
        """Work in `path`, which exists, towards `place`."""
        self.place, self.path = place, path
        self._identity = _identity(path)

    @classmethod
    def begin(cls, place: Path) -> Attempt:
        """Open a private folder beside `place`, with what the furthest earlier attempt left; the others are removed.

        Raises:
            OutputError: it cannot be made.
        """
        path = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for left in sorted(attempts_at(place), key=epochs_done, reverse=True):
                if path.exists():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    _adopt(left, path)
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror}). Free space, or choose another --out."
            ) from error
        return cls(place, path)

    def require_ours(self) -> None:
        """Stop a ghost.

        Raises:
            OutputError: another attempt has adopted the folder.
        """
        if _identity(self.path) != self._identity:
            raise OutputError(f"{self.place}: another attempt has taken this cell over. Let that one finish.")

    def watch(self, progress: Progress) -> Progress:
        """Return `progress`, with a look now and then whether the folder is still this attempt's."""

        def watched(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
            looked = time.monotonic()
            for item in progress(items, label=label, total=total):
                if time.monotonic() - looked > LOOK_EVERY_S:
                    self.require_ours()
                    looked = time.monotonic()
                yield item

        return watched

    def publish(self) -> None:
        """Rename the folder into its place.

        Raises:
            OutputError: another attempt has adopted the folder, or has finished the cell before.
        """
        self.require_ours()
        try:
            self.path.rename(self.place)
        except OSError as error:
            raise OutputError(
                f"{self.place}: cannot be put in place ({error.strerror}). Is the cell there already?"
            ) from error


def epochs_done(path: Path) -> int:
    """Return how many epochs are logged in a run folder; 0 where there is none."""
    rows = RunFolder(path).rows()
    return int(rows[-1]["epoch"]) if rows else 0


def _adopt(left: Path, path: Path) -> None:
    try:
        left.rename(path)
    except FileNotFoundError:  # another attempt was quicker
        return


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
