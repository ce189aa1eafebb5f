"""/v1/jobs/{id}/results/...: the pictures and files of a result, and a person's correction."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from echoduet.service.backend import Backend
from echoduet.service.corrections import correct, read_mask, take_back
from echoduet.service.documents import Document
from echoduet.service.jobs import Job
from echoduet.service.refusals import RefusedError, missing
from echoduet.service.responses import PRIVATE, binary, described, told
from echoduet.service.results import Kept
from echoduet.service.schemas import Layer, ResultBody
from echoduet.service.uploads import PNG_BYTES, receive_whole
from echoduet.service.views import result_body

JobId = Annotated[str, Path(description="From the answer to the request.", max_length=64)]
Index = Annotated[int, Path(description="Number of the result.", ge=0, le=10**9)]

SCALE_HEADER = "x-echoduet-scale"
"""Tells what the explanation's 255 stands for."""

_COMMON = (401, 403, 404, 422, 429)
_MASK: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "0 and 255, the size of the frame.",
    }
}


def results_router(backend: Backend) -> APIRouter:
    """Return the routes about results."""
    router = APIRouter(tags=["results"])
    _add_pictures(router, backend)
    _add_corrections(router, backend)
    return router


def _add_pictures(router: APIRouter, backend: Backend) -> None:
    @router.get(
        "/v1/jobs/{job_id}/results/{index}/layers/{layer}.png",
        response_class=Response,
        responses=binary("image/png") | described(*_COMMON),
    )
    def layer(job_id: JobId, index: Index, layer: Layer) -> Response:
        """Return a picture of a result, the size of the frame."""
        kept = found(backend, job_id, index)[1]
        picture = kept.layers.pictures.get(layer)
        if picture is None:
            raise missing(f"layer '{layer.value}' of this result")
        scaled = layer is Layer.EXPLANATION and kept.layers.scale is not None
        headers = {SCALE_HEADER: f"{kept.layers.scale:.6g}"} if scaled else {}
        return Response(picture, headers=headers | PRIVATE, media_type="image/png")

    @router.get(
        "/v1/jobs/{job_id}/results/{index}/documents/{document}",
        response_class=Response,
        responses=binary("application/dicom", "application/gzip", "image/png") | described(*_COMMON, 409),
    )
    def document(job_id: JobId, index: Index, document: Document) -> Response:
        """Return a file about a result."""
        content = backend.documents.make(found(backend, job_id, index)[1], document)
        named = {"content-disposition": f'attachment; filename="result-{index}.{document.value}"'}
        return Response(content, headers=named | PRIVATE, media_type=document.media_type)


def _add_corrections(router: APIRouter, backend: Backend) -> None:
    path = "/v1/jobs/{job_id}/results/{index}/correction"

    @router.put(
        path,
        response_model=ResultBody,
        openapi_extra=_MASK,
        responses=described(*_COMMON, 408, 409, 413, 415),
    )
    async def correction(request: Request, job_id: JobId, index: Index) -> Response:
        """Keep a person's mask beside the answer, and measure it."""
        job, kept = _corrigible(backend, job_id, index)
        content = await receive_whole(request, backend.settings.limits, "image/png", PNG_BYTES)
        await asyncio.to_thread(_correct, backend, job, kept, content)
        return told(result_body(backend, job, kept))

    @router.delete(path, response_model=ResultBody, responses=described(*_COMMON, 409))
    def restore(job_id: JobId, index: Index) -> Response:
        """Drop a person's mask; the answer's own holds again."""
        job, kept = _corrigible(backend, job_id, index)
        backend.jobs.grow(job, take_back(kept))
        return told(result_body(backend, job, kept))


def found(backend: Backend, job_id: str, index: int) -> tuple[Job, Kept]:
    """Return a job and one of its results.

    Raises:
        RefusedError: there is no such job or result.
    """
    job = backend.jobs.get(job_id)
    kept = job.results.get(index)
    if kept is None:
        raise missing("result")
    return job, kept


def _corrigible(backend: Backend, job_id: str, index: int) -> tuple[Job, Kept]:
    job, kept = found(backend, job_id, index)
    if kept.body.status == "failed":
        raise RefusedError(409, "no_frame", "This result has no picture that could be corrected.")
    return job, kept


def _correct(backend: Backend, job: Job, kept: Kept, content: bytes) -> None:
    backend.jobs.grow(job, correct(kept, read_mask(content, kept, backend.settings.limits)))
