"""How fast one client may ask."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000
"""So many clients are told apart; the one longest not seen is forgotten first."""


class Rates:
    """A token bucket for each client: `burst` requests at once, `rate` a second for long.

    Args:
        rate: requests a second by which a bucket fills.
        burst: what a bucket holds.
        clock: seconds that only ever grow.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> int:
        """Take one request from a client's bucket; return 0, or after how many seconds there will be one."""
        now = self._clock()
        key = _network(client)
        left, filled = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - filled) * self._rate)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - left) / self._rate))


def _network(client: str) -> str:
    """Return what stands for a client: its address, for IPv6 the network, of which one client has all addresses."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 4:
        return client
    return str(ipaddress.ip_network((address, 64), strict=False))
