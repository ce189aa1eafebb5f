"""The review page's web application: what it answers, to whom, and what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from echoduet.errors import EchoDuetError, ImageError, ManifestError, OutputError
from echoduet.service.pages import page_file
from echoduet.service.review_desk import Desk
from echoduet.service.review_pages import (
    AgendaPage,
    AnswerPage,
    ItemPage,
    ViewPage,
    agenda_page,
    answer_page,
    item_page,
    view_page,
)
from echoduet.service.review_views import Layer
from echoduet.service.security import HEADERS, is_cross_site, local_hosts, page_policy

TOKEN_HEADER = "x-echoduet-token"
"""Under which the page sends the session's token with every answer."""

BODY_LIMIT = 4_000_000
"""Largest request that is read, in bytes: the ids of a conflict of a hundred thousand cases."""

STATIC = ("review.js", "review.css", "icon.svg")
"""The files of the page, the only ones that are served."""

STATUS: tuple[tuple[type[EchoDuetError], int], ...] = ((ImageError, 422), (ManifestError, 404), (OutputError, 507))


class GivenAnswer(BaseModel):
    """What the page sends when a person answers: the item's number, the answer, and why."""

    model_config = ConfigDict(extra="forbid")

    item: int
    answer: str = Field(max_length=BODY_LIMIT)
    note: str = Field(default="", max_length=2000)


def build_app(desk: Desk, port: int, token: str | None = None) -> FastAPI:
    """Return the application that shows a desk.

    Args:
        desk: the curation under review.
        port: where it will be served; requests that name another host or port are refused.
        token: which the page must send with every answer; drawn at random when None.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    token = token or secrets.token_urlsafe(32)
    hosts = local_hosts(port)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        refusal = refused(request, hosts, token)
        response = _told(refusal, 403) if refusal else await call_next(request)
        response.headers.update(HEADERS | page_policy())
        if "cache-control" not in response.headers:
            response.headers["cache-control"] = "no-store"
        return response

    @app.exception_handler(EchoDuetError)
    async def tell(_: Request, error: Exception) -> Response:
        return _told(str(error), next((code for kind, code in STATUS if isinstance(error, kind)), 400))

    @app.exception_handler(RequestValidationError)
    async def tell_misfit(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return _told(f"The request does not fit: {first['loc'][-1]}: {first['msg']}.", 422)

    _add_page(app, desk, token)
    _add_data(app, desk)
    return app


def refused(request: Request, hosts: frozenset[str], token: str) -> str | None:
    """Return why a request is refused, None where it is not.

    A name of another site that was made to lead to this machine (DNS rebinding) is told by the Host header. Answers
    are taken only from the page itself: its origin, and the token that only it was given.
    """
    host = request.headers.get("host", "")
    if host not in hosts:
        return f"The review page answers to 127.0.0.1 only, not to '{host[:60]}'."
    if is_cross_site(request.headers) and request.url.path != "/":
        return "Another site asked for this. Open the review page itself."
    if request.method in ("GET", "HEAD"):
        return None
    if request.method != "POST" or request.headers.get("origin") != f"http://{host}":
        return "Answers are taken from the review page only."
    if not secrets.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), token.encode()):
        return "The page belongs to an earlier session. Reload it."
    length = request.headers.get("content-length", "")
    return None if length.isdecimal() and int(length) <= BODY_LIMIT else "The request is too long."


def _told(sentence: str, status: int) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)


def _add_page(app: FastAPI, desk: Desk, token: str) -> None:
    static = files("echoduet.service") / "static"
    page = (static / "review.html").read_text(encoding="utf-8").replace("{{token}}", token)

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/static/{name}")
    def static_file(name: str) -> Response:
        found = page_file(name) if name in STATIC else None
        if found is None:
            return _told(f"There is no file '{name}'.", 404)
        return Response(found[0], media_type=found[1])

    @app.get("/picture/{layer}")
    def picture(layer: Layer, a: str, b: Annotated[str | None, Query()] = None) -> Response:
        # The page adds its session to the address, so that a kept picture never meets another curation.
        kept = {"cache-control": "private, max-age=3600"}
        return Response(desk.views.picture(layer, a, b), media_type="image/png", headers=kept)


def _add_data(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/agenda")
    def agenda() -> AgendaPage:
        return agenda_page(desk)

    @app.get("/api/items/{number}")
    def item(number: int) -> ItemPage:
        return item_page(desk, number)

    @app.get("/api/view")
    def view(a: str, b: str | None = None) -> ViewPage:
        return view_page(desk.views.view(a, b))

    @app.post("/api/answers")
    def answer(given: GivenAnswer) -> AnswerPage:
        desk.answer(given.item, given.answer, given.note)
        return answer_page(desk, given.item)
