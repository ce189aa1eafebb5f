"""Taking the files of a multipart request as they come in: bounded in size, number and time."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header
from starlette.requests import Request

from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError
from echoduet.service.spool import Spool, Spooled

PART = "files"
"""Name of the parts that hold pictures."""

PNG_BYTES, JSON_BYTES = 32_000_000, 4_000_000
"""Largest body that is a PNG file by itself, and that is JSON."""

NAME_LENGTH = 100
"""Longest name of a file that is given back, in characters."""

_LEFTOVER_BYTES, _LEFTOVER_SECONDS = 4_000_000, 2.0
"""How much of a refused request is still read, so that the client comes to read the refusal."""


@dataclass(frozen=True, slots=True)
class Received:
    """One file of a request: its content, and what its sender calls it."""

    content: Spooled
    name: str


async def receive_files(request: Request, limits: Limits, spool: Spool) -> list[Received]:
    """Return the files of a request, in order; nothing is left behind where it is refused or its sender gone.

    Raises:
        RefusedError: it is no multipart request, or larger, slower or more than the limits allow, or the disk is full.
    """
    body = _Body(request, limits, limits.request_bytes)
    async with body.told_why():
        parts = _Parts(_boundary(request), limits, spool)
        try:
            async for piece in body.pieces():
                parts.write(piece)
            return parts.finished()
        finally:
            parts.close_unless_finished()


async def receive_whole(request: Request, limits: Limits, media_type: str, most: int) -> bytes:
    """Return the body of a request that is one thing, such as a PNG file.

    Args:
        request: same.
        limits: of the server.
        media_type: what it has to say that it is.
        most: bytes that it may have, where the limits allow as many.

    Raises:
        RefusedError: it says to be something else, or is larger or slower than the limits allow.
    """
    body = _Body(request, limits, min(limits.request_bytes, most))
    async with body.told_why():
        if parse_options_header(request.headers.get("content-type"))[0] != media_type.encode():
            raise RefusedError(415, "media_type", f"Send the body as {media_type}.")
        return b"".join([piece async for piece in body.pieces()])


class _Body:
    """The body of a request as it comes in; its length is counted, whatever the request says of it."""

    def __init__(self, request: Request, limits: Limits, most: int) -> None:
        self._request, self._limits, self._most = request, limits, most
        self._ended = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece.

        Raises:
            RefusedError: it is too large, stands still, or its sender is gone.
        """
        headers = self._request.headers
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(415, "encoding", "Send the request without Content-Encoding.")
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._most:
            raise self._too_large()
        total = 0
        while not self._ended:
            async with asyncio.timeout(self._limits.idle_seconds):
                piece = await self._next()
            total += len(piece)
            if total > self._most:
                raise self._too_large()
            yield piece

    @asynccontextmanager
    async def told_why(self) -> AsyncIterator[None]:
        """Bound the time of what is done inside, and see to it that the client comes to read a refusal."""
        try:
            async with asyncio.timeout(self._limits.upload_seconds):
                yield
        except TimeoutError:
            sentence = "The upload took too long, or stood still for too long."
            raise RefusedError(408, "slow_upload", sentence) from None
        except RefusedError:
            await self._read_leftover()
            raise

    async def _next(self) -> bytes:
        message = await self._request.receive()
        self._ended = not message.get("more_body", False)
        if message["type"] == "http.disconnect":
            raise RefusedError(499, "client_gone", "The client went away while it sent its request.")
        return bytes(message.get("body", b""))

    async def _read_leftover(self) -> None:
        # A connection that is closed with data unread is reset, and the client might never see why.
        left = _LEFTOVER_BYTES
        with suppress(TimeoutError, RefusedError):
            async with asyncio.timeout(_LEFTOVER_SECONDS):
                while left > 0 and not self._ended:
                    left -= len(await self._next())

    def _too_large(self) -> RefusedError:
        sentence = f"The request is larger than the {self._most:,} bytes that are taken."
        return RefusedError(413, "request_bytes", sentence)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise RefusedError(415, "media_type", f"Send the pictures as multipart/form-data, in parts named '{PART}'.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise RefusedError(400, "multipart", "The Content-Type names no boundary of 1 to 70 characters.")
    return boundary


class _Parts:
    """What the parser tells about one body, made into files."""

    def __init__(self, boundary: bytes, limits: Limits, spool: Spool) -> None:
        self._limits, self._spool = limits, spool
        self._files: list[Received] = []
        self._done = False
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._add_field,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin,
                "on_part_data": self._add,
            },
        )

    def write(self, piece: bytes) -> None:
        """Parse a piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise RefusedError(400, "multipart", "The request is no well-formed multipart/form-data.") from None

    def finished(self) -> list[Received]:
        """Return the files, once the body was whole."""
        if self._parser.state != MultipartState.END:
            raise RefusedError(400, "multipart", "The request ends before its last part does.")
        if not self._files:
            raise RefusedError(422, "no_files", f"The request holds no file. Send pictures in parts named '{PART}'.")
        for file in self._files:
            file.content.finish()
        self._done = True
        return self._files

    def close_unless_finished(self) -> None:
        """Drop what came in of a request that is not answered."""
        if not self._done:
            for file in self._files:
                file.content.close()

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _begin(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if options.get(b"name") != PART.encode() or b"filename" not in options:
            raise RefusedError(422, "unknown_part", f"The request holds a part that is no file named '{PART}'.")
        if len(self._files) == self._limits.files:
            sentence = f"The request holds more than the {self._limits.files:,} files that are taken at a time."
            raise RefusedError(413, "files", sentence)
        self._files.append(Received(self._spool.new(), display_name(options[b"filename"])))

    def _add(self, data: bytes, start: int, end: int) -> None:
        self._files[-1].content.write(data[start:end])


def display_name(given: bytes) -> str:
    """Return what a sender calls a file, fit to be shown and to name an entry of an archive.

    Folders before it, control characters and those that change the direction of writing are taken out. It never
    names a file on this machine.
    """
    text = given.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] not in "CZ" or c == " ")
    shown = re.sub(r'[<>:"|?*]', "_", shown).strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    if len(shown) > NAME_LENGTH:
        shown = (
            f"{stem[: NAME_LENGTH - len(suffix) - 1]}{dot}{suffix}" if dot and len(suffix) < 10 else shown[:NAME_LENGTH]
        )
    return shown or "file"
