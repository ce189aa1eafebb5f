"""How far a grid is, on a terminal or in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from echoduet.cli.console import LINE_EVERY_S, mode, note

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from echoduet.experiments.grid.pace import Standing


class Gauge:
    """Shows where a grid stands: a live line on a terminal, a line now and then in a log, nothing when hushed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet."""
        self._clock, self._told = clock, clock()
        self._live = _live_line() if sys.stderr.isatty() and not mode.hushed else None

    def show(self, standing: Standing) -> None:
        """Show where the grid stands; a log gets a line only every `LINE_EVERY_S` seconds."""
        if self._live is not None:
            self._live.update(self._live.task_ids[0], completed=standing.share, description=standing_line(standing))
        elif self._clock() - self._told > LINE_EVERY_S:
            self._told = self._clock()
            note(standing_line(standing))

    def __enter__(self) -> Gauge:
        """Start the live line, where there is one."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the live line away."""
        if self._live is not None:
            self._live.stop()


def standing_line(standing: Standing) -> str:
    """Return in one line where a grid stands."""
    told = [f"{standing.finished}/{standing.cells} cells", f"{standing.running} begun"]
    if standing.failed:
        told.append(f"{standing.failed} failed")
    told.append(f"{standing.share:.0%} of the work")
    left = standing.seconds_left
    return ", ".join([*told, "time left not known yet" if left is None else f"about {duration(left)} left"])


def duration(seconds: float) -> str:
    """Return a time as one reads it: `40 s`, `12 min`, `5 h 10 min`, `3 d 2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _live_line() -> RichProgress:
    from rich import progress
    from rich.console import Console

    live = progress.Progress(
        progress.BarColumn(),
        progress.TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    live.add_task("", total=1.0)
    return live
