"""Serving until the process is told to end, and ending without losing what was accepted."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from echoduet.service.app import build_app
from echoduet.service.backend import Backend
from echoduet.service.logs import event as log
from echoduet.service.security import HEADERS, page_policy

SWEEP_TICKS = 100
"""After so many ticks, of a tenth of a second, what is kept too long is forgotten."""

LAST_ANSWERS_S = 5
"""How long the last answers may take on their way out."""


class PredictionServer(uvicorn.Server):
    """Ends in two steps: first nothing new is taken on, and once all that was accepted is answered, it closes.

    Meanwhile jobs can be asked for, so that whoever waits for one gets it. A second signal ends it at once.
    """

    def __init__(self, backend: Backend, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._backend = backend
        self._deadline: float | None = None
        self._done_at: float | None = None
        self.lost = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; called by the signals SIGINT and SIGTERM."""
        if self._deadline is not None:
            self._give_up()
            self.should_exit = self.force_exit = True
            return
        self._deadline = time.monotonic() + self._backend.settings.limits.drain_seconds
        self._backend.drain()

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to close."""
        if counter % SWEEP_TICKS == 0:
            self._backend.jobs.sweep()
        if await super().on_tick(counter):
            return True
        if self._deadline is None:
            return False
        if time.monotonic() >= self._deadline:
            self._give_up()
            return True
        return self._all_fetched()

    def _all_fetched(self) -> bool:
        """Tell whether all is done, and fetched by those who still ask; an archive may be long on its way."""
        if self._backend.busy or self.server_state.tasks:
            self._done_at = None
            return False
        self._done_at = self._done_at or time.monotonic()
        waited = time.monotonic() - self._done_at
        return not self._backend.jobs.unread or waited >= self._backend.settings.limits.fetch_seconds

    def _give_up(self) -> None:
        self.lost += self._backend.give_up()


class PatientProtocol(H11Protocol):
    """Closes a connection whose next request does not come, or whose head comes too slowly."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait_for_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not even a request as everything is answered, and close the connection."""
        headers = HEADERS | page_policy() | {"content-type": "application/json", "connection": "close"}
        body = json.dumps({"error": "This is no well-formed HTTP request."}).encode()
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        response = h11.Response(status_code=400, headers=raw, reason=b"Bad Request")
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait_for_head(self) -> None:
        if self._timer:
            self._timer.cancel()
        seconds = float(getattr(self.config, "head_seconds", 15.0))
        self._timer = self.loop.call_later(seconds, self._close_unless_busy)

    def _close_unless_busy(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()


def server_of(backend: Backend, proxies: Sequence[str] = ()) -> PredictionServer:
    """Return the server of a backend.

    Args:
        backend: what answers.
        proxies: addresses whose X-Forwarded headers are believed.
    """
    config = uvicorn.Config(
        build_app(backend),
        http=PatientProtocol,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        root_path=backend.settings.root_path,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )
    config.head_seconds = backend.settings.limits.head_seconds  # type: ignore[attr-defined]
    return PredictionServer(backend, config)


def serve(backend: Backend, listener: socket.socket, proxies: Sequence[str] = ()) -> int:
    """Serve until a signal ends it; return how many accepted requests were given up.

    Args:
        backend: what answers.
        listener: a socket that listens.
        proxies: addresses whose X-Forwarded headers are believed.
    """
    server = server_of(backend, proxies)
    log("started", model=backend.settings.model, runtime=backend.predictor.runtime.name)
    server.run(sockets=[listener])
    log("ended", lost=server.lost)
    return server.lost
