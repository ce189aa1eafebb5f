"""The gate before the application: who may pass, what every answer carries, and what is written down about it."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from echoduet.service.logs import describe, event
from echoduet.service.metrics import Metrics
from echoduet.service.rates import Rates
from echoduet.service.refusals import RefusedError
from echoduet.service.security import HEADERS, Token, is_cross_site, is_foreign_origin, names_host, page_policy

HEALTH = ("/healthz", "/readyz")
"""Asked for by what watches the server: never slowed down, and under any host name."""

OPEN = ("/", *HEALTH, "/openapi.json")
"""Answered without a token, as are the page's own files: they hold nothing of anyone's."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
"""Told apart in counters and log lines."""

REQUEST_ID = "x-request-id"

LEFTOVER_BYTES, LEFTOVER_SECONDS = 1_000_000, 1.0
"""How much of the body of a request is read that the gate refuses."""

REFUSED = "echoduet.refused"
"""Where a request's scope says on what ground it was turned away."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Whom a server lets pass.

    Attributes:
        hosts: names in the Host header that are answered; None answers to any.
        token: which a client must bear; None asks for none.
        rates: how fast a client may ask.
    """

    hosts: frozenset[str] | None
    token: Token | None
    rates: Rates

    def check(self, path: str, method: str, headers: Mapping[str, str], client: str) -> None:
        """Let a request pass.

        Raises:
            RefusedError: it may not.
        """
        if path in HEALTH:
            return
        if self.hosts is not None and not names_host(headers.get("host", ""), self.hosts):
            # A site can make its own name lead to this machine; its page would then be of one origin with ours.
            raise RefusedError(403, "host", f"This server does not answer to '{headers.get('host', '')[:60]}'.")
        if (is_cross_site(headers) and path != "/") or (method not in ("GET", "HEAD") and is_foreign_origin(headers)):
            raise RefusedError(403, "other_site", "Another site asked for this. Open the page of this server itself.")
        if wait := self.rates.wait(client):
            raise RefusedError(429, "rate", "Too many requests. Ask more slowly.", wait)
        if self.token and not (path in OPEN or path.startswith("/static/")):
            self._check_token(headers)

    def _check_token(self, headers: Mapping[str, str]) -> None:
        assert self.token is not None
        if not self.token.admits(headers.get("authorization")):
            raise RefusedError(401, "token", "This server wants its token, as `Authorization: Bearer ...`.")


@dataclass(slots=True)
class _Exchange:
    """One request and how its answer goes."""

    scope: Scope
    send_on: Send
    receive_on: Receive
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    begun: float = field(default_factory=time.perf_counter)
    status: int = 0
    received: int = 0
    sent: int = 0
    whole: bool = False

    def __post_init__(self) -> None:
        headers = Headers(scope=self.scope)
        self.whole = "transfer-encoding" not in headers and headers.get("content-length", "0") == "0"

    async def receive(self) -> Message:
        """Pass on what comes in, counted."""
        message = await self.receive_on()
        self.received += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on what goes out, counted, with the headers that everything has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in (HEADERS | page_policy("'self' blob:") | {REQUEST_ID: self.id}).items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
            if not self.whole:  # of a request that is refused no more is read
                headers["connection"] = "close"
        self.sent += len(message.get("body", b""))
        await self.send_on(message)

    async def tell(self, refusal: RefusedError) -> None:
        """Answer with a refusal, once a little of what else comes in was read.

        A connection that is closed with data unread is reset, and the client might never see why. One that asks
        whether it shall send its body is spared to.
        """
        if "expect" not in Headers(scope=self.scope):
            await self._read_leftover()
        body = json.dumps({"error": str(refusal)}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body))} | refusal.headers
        start = {"type": "http.response.start", "status": refusal.status, "headers": Headers(headers).raw}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body if self.scope["method"] != "HEAD" else b""})

    async def _read_leftover(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEFTOVER_SECONDS):
                while not self.whole and self.received < LEFTOVER_BYTES:
                    await self.receive()

    @property
    def route(self) -> str:
        """The pattern of the path, which names nothing that was asked for."""
        return str(getattr(self.scope.get("route"), "path", "other"))


class Guard:
    """Wraps an application: refusals, security headers, request ids, log lines, counters, and faults as answers."""

    def __init__(self, app: ASGIApp, gate: Gate, metrics: Metrics) -> None:
        self._app, self._gate, self._metrics = app, gate, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, receive)
        try:
            client = scope["client"][0] if scope.get("client") else ""
            self._gate.check(_path(scope), scope["method"], Headers(scope=scope), client)
            await self._app(scope, exchange.receive, exchange.send)
        except RefusedError as refusal:
            scope[REFUSED] = refusal.ground
            await exchange.tell(refusal)
        except Exception as error:  # noqa: BLE001  # the outermost frame of a request: the server lives on
            event("fault", logging.ERROR, request=exchange.id, route=exchange.route, **describe(error))
            if not exchange.status:
                await exchange.tell(RefusedError(500, "fault", "The request failed by a fault of this server."))
        finally:
            self._note(exchange)

    def _note(self, exchange: _Exchange) -> None:
        seconds = time.perf_counter() - exchange.begun
        method = exchange.scope["method"] if exchange.scope["method"] in METHODS else "other"
        if ground := exchange.scope.get(REFUSED):
            self._metrics.turned_away(ground)
        self._metrics.request(method, exchange.route, exchange.status, seconds)
        event(
            "request",
            request=exchange.id,
            method=method,
            route=exchange.route,
            status=exchange.status,
            seconds=round(seconds, 4),
            bytes_in=exchange.received,
            bytes_out=exchange.sent,
        )


def _path(scope: Scope) -> str:
    """Return the path below the prefix under which a proxy serves everything."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] or "/" if root and path.startswith(root) else path
