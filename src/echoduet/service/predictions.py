"""POST /v1/predictions: pictures in, answers out, at once or as a job."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from echoduet.service.backend import Backend
from echoduet.service.jobs import Job, Options
from echoduet.service.refusals import RefusedError
from echoduet.service.responses import described, told
from echoduet.service.schemas import JobBody, Mode, Status
from echoduet.service.uploads import PART, Received, receive_files
from echoduet.service.views import job_address, job_body

_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [PART],
                    "properties": {
                        PART: {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "PNG, JPEG, TIFF, BMP or DICOM (multi-frame as well).",
                        }
                    },
                }
            }
        },
    }
}


def predictions_router(backend: Backend) -> APIRouter:
    """Return the route that takes pictures."""
    router = APIRouter(tags=["predictions"])

    @router.post(
        "/v1/predictions",
        response_model=JobBody,
        openapi_extra=_REQUEST,
        responses=described(400, 401, 403, 408, 413, 415, 422, 429, 500, 503, 507)
        | {202: {"model": JobBody, "description": "Taken on as a job, found at `Location`."}},
    )
    async def predict(
        request: Request,
        refuse: Annotated[bool, Query(description="Answer nothing about a picture that a check refuses.")] = True,
        explain: Annotated[bool, Query(description="Add the explanation map, which takes some 80 readings.")] = False,
        uncertain: Annotated[bool, Query(description="Read every picture twice at least, for the spread.")] = True,
        mode: Annotated[Mode, Query(description="Wait for the answer, or not.")] = Mode.AUTO,
    ) -> Response:
        """Outline and name the lesion on every picture."""
        files = await _received(backend, request)
        job = backend.accept(files, Options(refuse, explain, uncertain))
        if mode is Mode.JOB or (mode is Mode.AUTO and len(files) > backend.settings.limits.sync_files):
            return _as_job(backend, job)
        return await _waited_for(backend, request, job, mode)

    return router


async def _received(backend: Backend, request: Request) -> list[Received]:
    backend.require_room()
    backend.uploading += 1
    try:
        return await receive_files(request, backend.settings.limits, backend.spool)
    finally:
        backend.uploading -= 1


async def _waited_for(backend: Backend, request: Request, job: Job, mode: Mode) -> Response:
    """Answer once the job is done; a job that takes too long, or is too long, is answered as one."""
    settled = asyncio.ensure_future(_settled(job))
    gone = asyncio.ensure_future(_gone(request))
    waits = {settled, gone}
    try:
        await asyncio.wait(waits, timeout=backend.settings.limits.sync_seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise RefusedError(499, "client_gone", "The client went away before its answer was ready.")
    except (RefusedError, asyncio.CancelledError):
        backend.jobs.forget(job)  # nobody else knows its id
        raise
    finally:
        for wait in waits:
            wait.cancel()
    if job.status is Status.CANCELLED:
        raise RefusedError(503, "ending", "This server ended before the answer was ready. Try again later.", 10)
    return _as_answer(backend, job) if job.over else _as_job(backend, job)


async def _settled(job: Job) -> None:
    await asyncio.shield(asyncio.wrap_future(job.settled))


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _as_job(backend: Backend, job: Job) -> Response:
    return told(job_body(backend, job), 202, {"location": job_address(backend, job)})


def _as_answer(backend: Backend, job: Job) -> Response:
    """Answer with the results, or with an error where no file could be read at all."""
    kept = job.in_order()
    if kept and all(item.body.status == "failed" for item in kept):
        backend.jobs.forget(job)
        more = f" ({len(kept) - 1} more failed.)" if len(kept) > 1 else ""
        by_input = all(item.by_input for item in kept)
        sentence = f"{kept[0].body.error}{more}"
        raise RefusedError(422 if by_input else 500, "unreadable" if by_input else "analysis", sentence)
    return told(job_body(backend, job))
