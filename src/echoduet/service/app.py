"""The prediction server's web application."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from echoduet import __version__
from echoduet.inference.rows import NOTICE
from echoduet.service.backend import Backend
from echoduet.service.descriptions import completed
from echoduet.service.export_routes import exports_router
from echoduet.service.guard import REFUSED, Gate, Guard
from echoduet.service.job_routes import jobs_router
from echoduet.service.operations import operations_router
from echoduet.service.pages import page_file
from echoduet.service.predictions import predictions_router
from echoduet.service.rates import Rates
from echoduet.service.refusals import RefusedError, missing
from echoduet.service.responses import MEANINGS, told
from echoduet.service.result_routes import results_router
from echoduet.service.schemas import ErrorBody

VIEWER = re.compile(r"viewer(-[a-z]+)?\.(js|css)|icon\.svg")
"""The files of the viewer, which are served under /static."""


def build_app(backend: Backend) -> ASGIApp:
    """Return the application behind its gate; its threads run from startup to shutdown."""
    api = build_api(backend)
    settings = backend.settings
    gate = Gate(settings.hosts, settings.token, Rates(settings.limits.rate, settings.limits.burst))
    return Guard(api, gate, backend.metrics)


def build_api(backend: Backend) -> FastAPI:
    """Return the application alone."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        backend.worker.start()
        yield
        backend.close()

    api = FastAPI(
        title="EchoDuet",
        version=__version__,
        summary="Outlines and names lesions on breast ultrasound.",
        description=NOTICE,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=running,
    )
    api.add_exception_handler(RefusedError, _tell_refusal)
    api.add_exception_handler(RequestValidationError, _tell_misfit)
    api.add_exception_handler(HTTPException, _tell_http)
    api.add_exception_handler(Exception, _tell_fault)
    for routes in (predictions_router, jobs_router, results_router, exports_router, operations_router):
        api.include_router(routes(backend), dependencies=[Depends(refuse_unknown)])
    _add_pages(api)
    described = api.openapi
    api.openapi = lambda: completed(described(), backend.settings.token is not None)  # type: ignore[method-assign]
    return api


def refuse_unknown(request: Request) -> None:
    """Refuse a parameter in the address that the route does not know, as `refues` for `refuse`.

    Raises:
        RefusedError: names it.
    """
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    for name in request.query_params:
        if name not in known:
            raise RefusedError(422, "parameter", f"The request does not fit: there is no parameter '{name[:40]}'.")


async def _tell_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    request.scope[REFUSED] = error.ground
    return told(ErrorBody(error=str(error)), error.status, error.headers)


async def _tell_fault(_: Request, error: Exception) -> Response:
    # The gate, through which the error goes on, writes down its type and place.
    return told(ErrorBody(error=f"{MEANINGS[500]} It was written down."), 500)


async def _tell_misfit(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return told(ErrorBody(error=f"The request does not fit: {first['loc'][-1]}: {first['msg']}."), 422)


async def _tell_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    text = sentence.get(error.status_code) or MEANINGS.get(error.status_code, str(error.detail))
    return told(ErrorBody(error=text), error.status_code, error.headers)


def _add_pages(api: FastAPI) -> None:
    @api.get("/", include_in_schema=False)
    def index() -> Response:
        return _file("viewer.html")

    @api.get("/static/{name}", include_in_schema=False)
    def static_file(name: str) -> Response:
        return _file(name if VIEWER.fullmatch(name) else "")


def _file(name: str) -> Response:
    found = page_file(name)
    if found is None:
        raise missing("page")
    content, media_type = found
    return Response(content, headers={"content-type": media_type, "cache-control": "no-cache"})
