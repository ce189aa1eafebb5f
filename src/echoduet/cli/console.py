"""What the command line shows, and where: results on stdout, everything else on stderr.

`--json` turns the result into one JSON object on stdout and hides progress; `--quiet` leaves only errors.
"""

from __future__ import annotations

import json
import operator
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from echoduet.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import Task, TaskID
    from rich.text import Text

T = TypeVar("T")

PATIENCE_S = 2.0
"""A job shorter than this needs no bar."""

LINE_EVERY_S = 30.0
"""How often a log file, which cannot show a bar, gets a line."""


@dataclass
class Mode:
    """How much is shown; one for the process, set by `main` and by the options of a command."""

    quiet: bool = False
    json: bool = False

    @property
    def hushed(self) -> bool:
        """Whether progress and notes are hidden."""
        return self.quiet or self.json


mode = Mode()


def emit(result: Mapping[str, Any], text: str) -> None:
    """Show what a command found: `text`, or `result` as one JSON object with `--json`, or nothing with `--quiet`."""
    if mode.json:
        text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    elif mode.quiet:
        return
    encoding = sys.stdout.encoding or "utf-8"
    printable = text.encode(encoding, "backslashreplace").decode(
        encoding
    )  # a file name may hold bytes that are no text
    sys.stdout.write(printable.rstrip("\n") + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in a result")


def note(text: str) -> None:
    """Tell on stderr what is going on; hidden by `--quiet` and `--json`."""
    if not mode.hushed:
        _write_line(text)


def warn(text: str) -> None:
    """Tell on stderr what the user should look at, though the work goes on; hidden only by `--quiet`."""
    if not mode.quiet:
        _write_line(f"{_paint('warning:', '33')} {text}")


def fail(text: str) -> None:
    """Tell on stderr, always, why the command stops."""
    _write_line(f"{_paint('error:', '1;31')} {text}")


def _write_line(text: str) -> None:
    sys.stderr.write(text.rstrip("\n") + "\n")
    sys.stderr.flush()


def _paint(word: str, code: str) -> str:
    return f"\x1b[{code}m{word}\x1b[0m" if sys.stderr.isatty() else word


def console_progress() -> Progress:
    """Return the progress that suits the place: a bar on a terminal, a line now and then in a log, or nothing."""
    if mode.hushed:
        from echoduet.progress import silent

        return silent
    return _bars().track if sys.stderr.isatty() else _lines


def _length(items: Iterable[Any], total: int | None) -> int | None:
    hint = operator.length_hint(items, 0) if total is None else total
    return hint or None


def _lines(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    total = _length(items, total)
    start = told = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - told > LINE_EVERY_S:
            told = now
            _write_line(_progress_line(label, done, total, done / (now - start)))
        yield item


def _progress_line(label: str, done: int, total: int | None, rate: float) -> str:
    if total is None:
        return f"{label}: {done} ({rate:.1f}/s)"
    return f"{label}: {done}/{total} ({rate:.1f}/s, {(total - done) / rate:.0f} s left)"


@cache
def _bars() -> Bars:
    return Bars()


class Bars:
    """One live display for every bar of the process, so that a loop inside a loop can show its own."""

    def __init__(self) -> None:
        self._display = _new_display()
        self._lock = threading.Lock()

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        """Yield `items`; a bar appears once they have taken longer than `PATIENCE_S`."""
        task = self._display.add_task(label, total=_length(items, total), visible=False)
        timer = threading.Timer(PATIENCE_S, self._show, [task])
        timer.daemon = True
        timer.start()
        try:
            for item in items:
                yield item
                self._display.advance(task)
        finally:
            timer.cancel()
            self._remove(task)

    def _show(self, task: TaskID) -> None:
        with self._lock:
            if task in self._display.task_ids:
                self._display.update(task, visible=True)
                self._display.start()

    def _remove(self, task: TaskID) -> None:
        with self._lock:
            self._display.remove_task(task)
            if not self._display.task_ids:
                self._display.stop()


def _new_display() -> RichProgress:
    from rich import progress
    from rich.console import Console
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        """Items a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f}/s" if speed else "-/s", style="progress.data.speed")

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Rate(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
