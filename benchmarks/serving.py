"""How many requests a second the prediction server answers, how evenly, and whether its memory stays flat.

    python benchmarks/serving.py                       # 10,000 requests; a few minutes; wants an idle machine
    python benchmarks/serving.py --requests 600        # a dry run

The real server is started as a process of its own, and asked over HTTP from this one. First as fast as it answers, by
`--connections` clients that each send the next request once they have an answer: that is its capacity. Then requests
are sent at 80 % of that rate at fixed times, whether earlier ones were answered or not, and the time of each is counted
from when it was due: a stall shows in every request that it held up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.request import urlopen

import cv2
import numpy as np

from echoduet.data.synthetic import simulate
from echoduet.records import Label

LOAD = 0.8
"""Share of the capacity at which latencies are measured."""

WARM_UP = 50
LIMITS = ("rate=1000000", "burst=1000000", "queue=2000", "uploads=2000", "result_bytes=20M", "sync_seconds=600")


@dataclass
class Tally:
    """What came back: seconds of each answer, and how many were refused."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return len(self.seconds)


@dataclass(frozen=True)
class Served:
    """How a server answered.

    Attributes:
        capacity: answers a second, as fast as it can.
        median_ms: of the times to answer at `LOAD` of the capacity, milliseconds.
        p99_ms: their 99th percentile.
        refused: requests that had no answer there.
        resident: MB that the server occupies after so many requests.
    """

    capacity: float
    median_ms: float
    p99_ms: float
    refused: int
    resident: dict[int, float]

    @property
    def p99_over_median(self) -> float:
        """How uneven the times to answer are."""
        return self.p99_ms / self.median_ms

    @property
    def settled(self) -> tuple[int, int]:
        """After how many requests the memory is first taken for settled, and the last number it was read at."""
        early = sorted(self.resident)[1]
        return early, max(self.resident)

    @property
    def growth(self) -> float:
        """By which share the memory grew between those two."""
        early, late = self.settled
        return self.resident[late] / self.resident[early] - 1

    def lines(self) -> Iterator[str]:
        """Yield name and value of each figure."""
        yield f"{'capacity_per_s':28s} {self.capacity:10.2f}"
        for name in ("median_ms", "p99_ms", "p99_over_median", "refused"):
            yield f"{name:28s} {getattr(self, name):10.2f}"
        for number, value in self.resident.items():
            yield f"{f'resident_mb_after_{number}':28s} {value:10.2f}"


class Client:
    """Sends one prepared request again and again, on connections that are kept open."""

    def __init__(self, host: str, port: int, picture: bytes) -> None:
        self._host, self._port = host, port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="scan.png"\r\n\r\n' + picture
        body = form + b"\r\n--x--\r\n"
        self._request = (
            f"POST /v1/predictions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        ).encode() + body

    async def ask(self) -> int:
        """Send the request and return the status of its answer."""
        while self._idle:
            reader, writer = self._idle.pop()
            with suppress(OSError, asyncio.IncompleteReadError):  # the server has closed it meanwhile
                return await self._exchange(reader, writer)
        return await self._exchange(*await asyncio.open_connection(self._host, self._port))

    async def close(self) -> None:
        """Close every connection."""
        for _, writer in self._idle:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self._idle.clear()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await reader.readexactly(int(head.partition("content-length: ")[2].split("\r\n")[0]))
        if "connection: close" in head:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        else:
            self._idle.append((reader, writer))
        return int(head.split()[1])


@contextmanager
def served(model: str, runtime: str):
    """Yield address and process of a server."""
    limits = [word for limit in LIMITS for word in ("--limit", limit)]
    words = ["serve", "--model", model, "--runtime", runtime, "--port", "0", "--json", "--quiet", *limits]
    words = [sys.executable, "-m", "echoduet.cli.main", *words]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            text = ""
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                if not line:
                    raise ChildProcessError(f"the server ended before it was ready, with exit code {process.wait()}")
                text += line
            yield json.loads(text), process
        finally:
            process.terminate()
            process.wait(120)


def resident(address: str) -> float:
    """Return the memory that the server occupies, MB."""
    with urlopen(f"{address}metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("process_resident_memory_bytes")) / 1e6


async def closed_loop(client: Client, clients: int, requests: int) -> float:
    """Send requests by so many clients, each the next one upon an answer; return answers a second."""
    left = requests

    async def one() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await client.ask() == 200

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    return requests / (time.perf_counter() - begun)


async def open_loop(client: Client, rate: float, requests: int, note: Callable[[int], Awaitable[None]]) -> Tally:
    """Send requests at fixed times; return how long each took from when it was due."""
    tally = Tally()

    async def one(due: float) -> None:
        status = await client.ask()
        if status == 200:
            tally.seconds.append(time.perf_counter() - due)
        else:
            tally.refused += 1

    begun, waiting = time.perf_counter(), set()
    for number in range(requests):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(one(due))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        await note(number + 1)
    await asyncio.gather(*waiting)
    return tally


def picture(size: int) -> bytes:
    """Return a phantom as a PNG file."""
    image, _ = simulate(Label.BENIGN, np.random.default_rng(3), size)
    return cv2.imencode(".png", image)[1].tobytes()


async def measure(address: str, requests: int, connections: int = 16, width: int = 400) -> Served:
    """Measure the server at an address.

    Args:
        address: as `echoduet serve` tells it.
        requests: in all; a fifth of them and at most 1000 measure the capacity. Five at least.
        connections: clients while the capacity is measured.
        width: of the picture that is sent, pixels.
    """
    host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    client = Client(host, int(port), picture(width))
    await closed_loop(client, connections, WARM_UP)
    memory = {0: resident(address)}
    first = min(1000, requests // 5)
    capacity = await closed_loop(client, connections, first)
    memory[first] = await asyncio.to_thread(resident, address)

    async def note(number: int) -> None:
        if first + number in (requests // 2, requests):
            memory[first + number] = await asyncio.to_thread(resident, address)

    tally = await open_loop(client, LOAD * capacity, requests - first, note)
    await client.close()
    ordered = [1e3 * seconds for seconds in sorted(tally.seconds)]
    p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]
    return Served(capacity, statistics.median(ordered), p99, tally.refused, memory)


def enough(text: str) -> int:
    """Read a number of requests.

    Raises:
        ArgumentTypeError: a fifth of it would be none.
    """
    if not text.isdecimal() or int(text) < 5:
        raise argparse.ArgumentTypeError(f"{text} requests cannot be measured. Give a number, 5 at least.")
    return int(text)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="base", help="as in `echoduet serve`")
    parser.add_argument("--runtime", default="auto", help="as in `echoduet serve`")
    parser.add_argument("--requests", type=enough, default=10_000, help="requests in all")
    parser.add_argument("--connections", type=int, default=16, help="clients while the capacity is measured")
    parser.add_argument("--width", type=int, default=400, help="width of the picture")
    given = parser.parse_args()
    with served(given.model, given.runtime) as (told, _):
        found = asyncio.run(measure(told["address"], given.requests, given.connections, given.width))
    print(
        f"model {told['model']}, runtime {told['runtime']}, {given.requests} requests, load {LOAD:.0%} of the capacity"
    )
    for line in found.lines():
        print(line)


if __name__ == "__main__":
    main()
