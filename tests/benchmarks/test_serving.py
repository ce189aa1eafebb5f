"""The load generator: it sends on time, and a stall shows in every request that it holds up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from serving import Client, Served, closed_loop, measure, open_loop, picture, served


class Answering:
    """An HTTP server that answers at once, but for a stall."""

    def __init__(self, stall_at=None, seconds=0.0, status=200, closing=False):
        self.stall_at, self.seconds, self.status = stall_at, seconds, status
        self.closing = closing
        self.requests = self.connections = 0
        self.gate = asyncio.Lock()

    async def __call__(self, reader, writer):
        self.connections += 1
        while head := await self.head(reader):
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            self.requests += 1
            async with self.gate:  # one at a time, as the network is
                if self.requests == self.stall_at:
                    await asyncio.sleep(self.seconds)
            close = b"Connection: close\r\n" if self.closing else b""
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n%s\r\n{}" % (self.status, close))
            if self.closing:
                break
        writer.close()

    async def head(self, reader):
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""


@asynccontextmanager
async def asked(answering):
    """Yield a client of such a server."""
    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    async with server:
        client = Client("127.0.0.1", server.sockets[0].getsockname()[1], b"picture")
        yield client
        await client.close()


async def nothing(_):
    """Take note of nothing."""


def run(answering_of, work):
    """Run `work(client)` against a server."""

    async def both():
        answering = answering_of()
        async with asked(answering) as client:
            return answering, await work(client)

    return asyncio.run(both())


def test_the_closed_loop_sends_what_it_should_on_as_many_connections_as_there_are_clients():
    answering, rate = run(Answering, lambda client: closed_loop(client, 4, 100))
    assert (answering.requests, answering.connections <= 4) == (100, True)
    assert rate > 0


def test_connections_that_are_closed_are_opened_anew():
    answering, _ = run(lambda: Answering(closing=True), lambda client: closed_loop(client, 2, 10))
    assert (answering.requests, answering.connections) == (10, 10)


def test_a_stall_shows_in_every_request_that_it_holds_up():
    _, tally = run(lambda: Answering(20, 0.5), lambda client: open_loop(client, 100, 100, nothing))
    assert tally.answered == 100
    held_up = [seconds for seconds in tally.seconds if seconds > 0.1]
    assert 30 <= len(held_up) <= 60  # those of the half second, though one alone was slow
    assert max(tally.seconds) >= 0.5


def test_refusals_are_counted_and_are_no_answers():
    _, tally = run(lambda: Answering(status=503), lambda client: open_loop(client, 500, 20, nothing))
    assert (tally.answered, tally.refused) == (0, 20)


def test_a_server_is_measured_from_its_address(monkeypatch):
    memory = iter([100.0, 120.0, 150.0, 121.2])
    monkeypatch.setattr("serving.resident", lambda address: next(memory))

    async def both():
        server = await asyncio.start_server(Answering(), "127.0.0.1", 0)
        async with server:
            return await measure(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", 100, 2, 128)

    found = asyncio.run(both())
    assert found.resident == {0: 100.0, 20: 120.0, 50: 150.0, 100: 121.2}
    assert found.settled == (20, 100)
    assert found.growth == pytest.approx(0.01)
    assert 0 < found.median_ms <= found.p99_ms
    assert found.refused == 0


def test_every_figure_is_printed():
    lines = list(Served(50.0, 10.0, 39.0, 2, {0: 90.0, 4: 100.0}).lines())
    assert [line.split() for line in lines] == [
        ["capacity_per_s", "50.00"], ["median_ms", "10.00"], ["p99_ms", "39.00"], ["p99_over_median", "3.90"],
        ["refused", "2.00"], ["resident_mb_after_0", "90.00"], ["resident_mb_after_4", "100.00"],
    ]  # fmt: skip


def test_a_server_that_does_not_start_is_not_waited_for():
    with pytest.raises(ChildProcessError, match="exit code 2"), served("no-such-model", "onnx"):
        pass


@pytest.mark.parametrize("width", [128, 400])
def test_the_picture_is_a_png_file(width):
    assert picture(width).startswith(b"\x89PNG")
