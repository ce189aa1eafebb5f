"""How many threads suit this process, and work in two of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_TOPOLOGY = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return how many threads a network should run in: one a physical core that the process may use.

    Two threads of one core share its arithmetic units, and gain nothing in a convolution. A container's share of the
    processor counts, and so does `OMP_NUM_THREADS`, by which users say what they want.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return max(1, min(_physical(_allowed()), _quota()))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _physical(processors: set[int], topology: Path = _TOPOLOGY) -> int:
    """Return how many cores `processors` belong to; each is its own where the system does not tell."""
    cores = set()
    for number in processors:
        listing = topology / f"cpu{number}" / "topology" / "thread_siblings_list"
        try:
            cores.add(listing.read_text(encoding="ascii").strip())
        except OSError:
            cores.add(f"cpu{number}")
    return len(cores)


def _quota(path: Path = _QUOTA) -> int:
    """Return how many processors' time the container gets, rounded up; many where nothing is said."""
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return os.cpu_count() or 1


class Lanes:
    """Two threads for work that comes in halves: the caller's, and one that stays for the next time."""

    def __init__(self) -> None:
        """Start no thread before there is work."""
        self._other = ThreadPoolExecutor(1, thread_name_prefix="echoduet-lane")

    def both(self, function: Callable[[T], R], first: T, second: T) -> tuple[R, R]:
        """Return `function` of the one and of the other; where either fails, its error, once neither is at work."""
        later = self._other.submit(function, second)
        try:
            return function(first), later.result()
        finally:
            wait([later])
