"""Results as ZIP files: /v1/jobs/{id}/export.zip about one job, /v1/exports about several, with a person's calipers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from echoduet.service.archives import archive
from echoduet.service.backend import Backend
from echoduet.service.calipers import measured
from echoduet.service.refusals import RefusedError, missing
from echoduet.service.responses import PRIVATE, binary, described
from echoduet.service.result_routes import JobId
from echoduet.service.results import Kept
from echoduet.service.schemas import CalipersBody, ExportBody, PartBody
from echoduet.service.uploads import JSON_BYTES, receive_whole

_ZIP = "application/zip"
_ENDS = {"start": {"row": 120.0, "column": 88.5}, "end": {"row": 120.0, "column": 171.5}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/ExportBody"},
                "example": {
                    "parts": [{"job": "Xm4aVdN0mQ1sXr7ZbJ2kTq8c", "calipers": [{"index": 0, "calipers": [_ENDS]}]}]
                },
            }
        },
    }
}


def exports_router(backend: Backend) -> APIRouter:
    """Return the routes that give archives."""
    router = APIRouter(tags=["results"])

    @router.get(
        "/v1/jobs/{job_id}/export.zip",
        response_class=Response,
        responses=binary(_ZIP) | described(401, 403, 404, 409, 422, 429),
    )
    def export(
        job_id: JobId,
        results: Annotated[
            str | None,
            Query(
                description="Numbers of the results, as in 0,3; all when left out.",
                pattern=r"^[0-9]{1,9}(,[0-9]{1,9})*$",
                max_length=1000,
            ),
        ] = None,
    ) -> Response:
        """Return everything about a job that is done, as a ZIP file."""
        wanted = None if results is None else [int(number) for number in results.split(",")]
        return _zipped(backend, _chosen(backend, job_id, wanted), {})

    @router.post(
        "/v1/exports",
        response_class=Response,
        openapi_extra=_BODY,
        responses=binary(_ZIP) | described(401, 403, 404, 408, 409, 413, 415, 422, 429),
    )
    async def exports(request: Request) -> Response:
        """Return everything about some jobs that are done, and what a person measured, as one ZIP file.

        The results of several jobs are numbered anew, from 0, in the order in which they are asked for.
        """
        content = await receive_whole(request, backend.settings.limits, "application/json", JSON_BYTES)
        return await run_in_threadpool(_export, backend, content)

    return router


def _export(backend: Backend, content: bytes) -> Response:
    parts = _read(content).parts
    results: list[Kept] = []
    calipers: dict[int, CalipersBody] = {}
    for part in parts:
        found = _chosen(backend, part.job, part.results)
        marked = _measured(part, found)
        for kept in found:
            number = len(results) if len(parts) > 1 else kept.body.index
            if kept.body.index in marked:
                calipers[number] = marked[kept.body.index]
            results.append(replace(kept, body=kept.body.model_copy(update={"index": number})))
    return _zipped(backend, results, calipers)


def _read(content: bytes) -> ExportBody:
    try:
        return ExportBody.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "body"
        raise RefusedError(422, "body", f"The request does not fit: {place}: {first['msg']}.") from None


def _chosen(backend: Backend, job_id: str, numbers: Sequence[int] | None) -> list[Kept]:
    job = backend.jobs.get(job_id)
    if not job.over:
        raise RefusedError(409, "not_done", "The job is not done yet. Ask again once its status is done.")
    if numbers is None:
        return job.in_order()
    wanted = set(numbers)
    kept = [item for item in job.in_order() if item.body.index in wanted]
    if len(kept) < len(wanted):
        raise missing("result")
    return kept


def _measured(part: PartBody, results: Sequence[Kept]) -> dict[int, CalipersBody]:
    bodies = {kept.body.index: kept.body for kept in results}
    if not bodies.keys() >= {marked.index for marked in part.calipers}:
        raise missing("result with calipers on it")
    return {marked.index: measured(marked.calipers, bodies[marked.index]) for marked in part.calipers}


def _zipped(backend: Backend, results: Sequence[Kept], calipers: Mapping[int, CalipersBody]) -> Response:
    pieces = archive(results, backend.documents, datetime.now(UTC), calipers)
    named = {"content-disposition": 'attachment; filename="echoduet.zip"'}
    return StreamingResponse(pieces, headers=named | PRIVATE, media_type=_ZIP)
