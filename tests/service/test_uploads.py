"""Multipart requests: read as other people's parser reads them, bounded, never trusted."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.formparsers import MultiPartParser
from starlette.requests import Request

from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError
from echoduet.service.spool import Spool
from echoduet.service.uploads import NAME_LENGTH, display_name, receive_files, receive_whole

BOUNDARY = "boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def body_of(*parts, end=True):
    """Write `(name, filename or None, content)` as a body."""
    pieces = []
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        pieces += [head.encode(), content, b"\r\n"]
    return b"".join(pieces) + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def request_of(pieces, content_type=FORM, gone=False, pause=0.0, **headers):
    """Make a request whose body comes in these pieces."""
    waiting = list(pieces)

    async def receive():
        if waiting:
            if pause:
                await asyncio.sleep(pause)
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting) or gone}
        if gone:
            return {"type": "http.disconnect"}
        await asyncio.sleep(60)
        return None

    named = {"content-type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in named.items() if value is not None]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


def received(request, spool=None, **limits):
    """Return names and contents of the files that a request brings."""
    bounds = Limits(**limits)
    files = asyncio.run(receive_files(request, bounds, spool or Spool(bounds)))
    contents = []
    for file in files:
        file.content.stream.seek(0)
        contents.append((file.name, file.content.stream.read()))
        file.content.close()
    return contents


def refused(request, **limits):
    """Return status, ground and sentence of the refusal, which leaves nothing behind."""
    spool = Spool(Limits(**limits))
    with pytest.raises(RefusedError) as error:
        received(request, spool, **limits)
    assert spool.held == 0
    return error.value.status, error.value.ground, str(error.value)


def pieces_of(body, sizes):
    pieces, start = [], 0
    for size in sizes:
        pieces.append(body[start : start + size])
        start += size
    return [*pieces, body[start:]]


@given(
    st.lists(
        st.binary(max_size=200) | st.sampled_from([b"\r\n--boundar", b"--boundary", b"\r\n"]), min_size=1, max_size=4
    ),
    st.lists(st.integers(1, 60), max_size=30),
)
def test_files_are_what_was_sent_however_it_is_cut(contents, sizes):
    contents = [content.replace(b"\r\n--boundary", b"") for content in contents]
    body = body_of(*(("files", f"{n}.png", content) for n, content in enumerate(contents)))
    request = request_of(pieces_of(body, sizes))
    assert received(request, memory_bytes=50) == [(f"{n}.png", content) for n, content in enumerate(contents)]


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=3))
def test_they_are_those_that_another_parser_reads(contents):
    body = body_of(*(("files", f"{n}.png", content) for n, content in enumerate(contents)))

    async def read_by_another():
        request = request_of([body])
        form = await MultiPartParser(request.headers, request.stream()).parse()
        files = [(file.filename, await file.read()) for file in form.getlist("files")]
        await form.close()
        return files

    assert received(request_of([body])) == asyncio.run(read_by_another())


def test_a_request_that_is_larger_than_it_says_is_cut_off():
    body = body_of(("files", "a.png", b"x" * 5000))
    told = refused(request_of([body[:100], body[100:]], content_length="100"), request_bytes=3000)
    assert told == (413, "request_bytes", "The request is larger than the 3,000 bytes that are taken.")


def test_a_request_that_says_it_is_too_large_is_not_read():
    assert refused(request_of([b""], content_length="3001"), request_bytes=3000)[0] == 413


@pytest.mark.parametrize(
    ("body", "status", "ground"),
    [
        (body_of(("files", "a.png", b"x"), end=False), 400, "multipart"),
        (b"no multipart at all", 400, "multipart"),
        (b"", 400, "multipart"),
        (body_of(), 422, "no_files"),
        (body_of(("file", "a.png", b"x")), 422, "unknown_part"),
        (body_of(("files", None, b"x")), 422, "unknown_part"),
        (body_of(*[("files", "a.png", b"x")] * 4), 413, "files"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(body, status, ground):
    assert refused(request_of([body]), files=3)[:2] == (status, ground)


@pytest.mark.parametrize("kind", ["application/json", "image/png", "multipart/mixed; boundary=boundary", None])
def test_other_kinds_of_bodies_are_refused(kind):
    assert refused(request_of([b"{}"], kind))[:2] == (415, "media_type")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", FORM + "y" * 70])
def test_a_boundary_that_is_none_is_refused(kind):
    assert refused(request_of([b"--"], kind))[:2] == (400, "multipart")


def test_a_body_that_is_compressed_is_refused():
    assert refused(request_of([b"x"], content_encoding="gzip"))[:2] == (415, "encoding")


def test_a_client_that_goes_away_leaves_nothing_behind():
    half = body_of(("files", "a.png", b"x" * 999), end=False)
    assert refused(request_of([half], gone=True))[:2] == (499, "client_gone")


@pytest.mark.parametrize("limits", [{"idle_seconds": 0.05}, {"upload_seconds": 0.12}])
def test_an_upload_that_stands_still_or_trickles_is_ended(limits):
    body = body_of(("files", "a.png", b"x" * 30))
    trickle = [body[n : n + 8] for n in range(0, len(body), 8)]
    assert refused(request_of(trickle, pause=0.07), **limits)[:2] == (408, "slow_upload")


def test_parts_with_too_many_or_too_long_headers_are_refused():
    long = f"--{BOUNDARY}\r\nX: {'y' * 100_000}\r\n\r\n".encode()
    many = f"--{BOUNDARY}\r\n{'A: b' * 1}\r\n".encode() + b"A: b\r\n" * 10_000
    for body in (long, many):
        assert refused(request_of([body]))[:2] == (400, "multipart")


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("scan.png", "scan.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\a.png", "a.png"),
        ("a\0b\n.png", "ab.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("<b>.png", "_b_.png"),
        ("..", "file"),
        ("", "file"),
        ("Größe 1.png", "Größe 1.png"),
        ("x" * 300 + ".png", "x" * (NAME_LENGTH - 4) + ".png"),
        ("x" * 300, "x" * NAME_LENGTH),
    ],
)
def test_a_name_is_made_harmless(given_name, shown):
    assert display_name(given_name.encode()) == shown


@given(st.binary(max_size=300))
def test_no_name_leads_anywhere(given_name):
    shown = display_name(given_name)
    assert 0 < len(shown) <= NAME_LENGTH
    assert not set(shown) & set('/\\:<>"|?*\0\n\r\u202e\u2028')
    assert shown not in (".", "..")


def test_a_body_that_is_one_thing_is_bounded_and_of_its_type():
    limits = Limits(request_bytes=100)
    assert asyncio.run(receive_whole(request_of([b"ab", b"c"], "image/png"), limits, "image/png", 3)) == b"abc"
    for request, most, status in (
        (request_of([b"x" * 101], "image/png"), 1000, 413),
        (request_of([b"x"], "image/png", content_length="101"), 1000, 413),
        (request_of([b"x" * 4], "image/png"), 3, 413),
        (request_of([b"x"], "text/html"), 1000, 415),
        (request_of([b"x"], "image/png", gone=True), 1000, 499),
    ):
        with pytest.raises(RefusedError) as error:
            asyncio.run(receive_whole(request, limits, "image/png", most))
        assert error.value.status == status
