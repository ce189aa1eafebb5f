"""/v1/jobs/...: how far a job is, its results, and their pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from echoduet.service.answers import described, told
from echoduet.service.backend import Backend
from echoduet.service.jobs import Job
from echoduet.service.refusals import missing
from echoduet.service.results import Kept
from echoduet.service.schemas import JobBody, Layer
from echoduet.service.views import job_body

JobId = Annotated[str, Path(description="From the answer to the request.", max_length=64)]
Index = Annotated[int, Path(description="Number of the result.", ge=0)]

SCALE_HEADER = "x-echoduet-scale"
"""Tells what the explanation's 255 stands for."""

PICTURE: dict[int | str, dict[str, object]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}, "description": "The picture."}
}


def jobs_router(backend: Backend) -> APIRouter:
    """Return the routes about jobs and their results."""
    router = APIRouter(tags=["jobs"])

    @router.get("/v1/jobs/{job_id}", response_model=JobBody, responses=described(401, 403, 404, 422, 429))
    def job(
        job_id: JobId, start: Annotated[int, Query(ge=0, description="First result that is sent.")] = 0
    ) -> Response:
        """Tell how far a job is, with the results so far."""
        return told(job_body(backend, backend.jobs.get(job_id), start))

    @router.delete("/v1/jobs/{job_id}", status_code=204, responses=described(401, 403, 404, 422, 429))
    def forget(job_id: JobId) -> Response:
        """Forget a job with all its results, at once."""
        backend.jobs.forget(backend.jobs.get(job_id))
        return Response(status_code=204)

    @router.get(
        "/v1/jobs/{job_id}/results/{index}/layers/{layer}.png",
        response_class=Response,
        responses=PICTURE | described(401, 403, 404, 422, 429),
    )
    def layer(job_id: JobId, index: Index, layer: Layer) -> Response:
        """Return a picture of a result, the size of the frame."""
        _, kept = found(backend, job_id, index)
        picture = kept.layers.pictures.get(layer)
        if picture is None:
            raise missing(f"layer '{layer.value}' of this result")
        scaled = layer is Layer.EXPLANATION and kept.layers.scale is not None
        headers = {SCALE_HEADER: f"{kept.layers.scale:.6g}"} if scaled else {}
        return Response(picture, headers=headers | {"cache-control": "private, no-store"}, media_type="image/png")

    return router


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
