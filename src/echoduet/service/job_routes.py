"""/v1/jobs/{id}: how far a job is, and its results."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from echoduet.service.backend import Backend
from echoduet.service.responses import described, told
from echoduet.service.result_routes import JobId
from echoduet.service.schemas import JobBody
from echoduet.service.views import job_body


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

    return router
