"""Jobs and results as they are sent: with the addresses of what belongs to them."""

from __future__ import annotations

from echoduet.service.backend import Backend
from echoduet.service.documents import Document
from echoduet.service.jobs import Job
from echoduet.service.results import Kept
from echoduet.service.schemas import DocumentsBody, JobBody, LayersBody, ResultBody

_FIELDS = {
    Document.SEGMENTATION: "seg",
    Document.REPORT: "sr",
    Document.CAPTURE: "sc",
    Document.NIFTI: "nifti",
    Document.OVERLAY: "overlay",
}


def job_address(backend: Backend, job: Job) -> str:
    """Return where a job is found."""
    return f"{backend.settings.root_path}/v1/jobs/{job.id}"


def job_body(backend: Backend, job: Job, start: int = 0) -> JobBody:
    """Return a job with its results from number `start` on.

    Once a job that is over was sent whole, its results count as read.
    """
    job.read = job.read or job.over
    return JobBody(
        id=job.id,
        status=job.status,
        created=job.created,
        finished=job.finished,
        files=len(job.files),
        frames_done=len(job.results),
        frames_total=job.frames_total,
        model=backend.settings.model,
        results=[result_body(backend, job, kept) for kept in job.in_order(start)],
    )


def result_body(backend: Backend, job: Job, kept: Kept) -> ResultBody:
    """Return a result with the addresses of its layers and documents."""
    base = f"{job_address(backend, job)}/results/{kept.body.index}"
    layers = LayersBody(**{layer.value: f"{base}/layers/{layer.value}.png" for layer in kept.layers.pictures})
    documents = DocumentsBody(
        **{_FIELDS[document]: f"{base}/documents/{document.value}" for document in backend.documents.of(kept)}
    )
    return kept.body.model_copy(update={"layers": layers, "documents": documents})
