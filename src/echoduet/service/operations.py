"""What runs the server asks for: models, health, metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response

from echoduet.models.info import BundleInfo
from echoduet.service.backend import Backend
from echoduet.service.metrics import CONTENT_TYPE
from echoduet.service.responses import described, told
from echoduet.service.schemas import CalibrationBody, HealthBody, ModelBody, ModelsBody

_METRICS: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "In Prometheus' text format."}
}


def operations_router(backend: Backend) -> APIRouter:
    """Return the routes about the server itself."""
    router = APIRouter(tags=["server"])

    @router.get("/v1/models", responses=described(401, 403, 429))
    def models() -> ModelsBody:
        """Tell which model answers, and by which thresholds."""
        return ModelsBody(models=[model_body(backend)])

    @router.get("/healthz")
    def alive() -> HealthBody:
        """Tell that the process lives."""
        return HealthBody(status="ok")

    @router.get("/readyz", response_model=HealthBody, responses={503: {"model": HealthBody}})
    def ready() -> Response:
        """Tell whether new work is taken on."""
        problems = backend.problems()
        body = HealthBody(status="not ready" if problems else "ok", problems=problems)
        return told(body, 503 if problems else 200)

    @router.get("/metrics", response_class=Response, responses=_METRICS | described(401, 403, 429))
    def metrics() -> Response:
        """Return the counters of this server."""
        return Response(backend.metrics.text(), headers={"content-type": CONTENT_TYPE})

    return router


def model_body(backend: Backend) -> ModelBody:
    """Return what is told about the model."""
    predictor = backend.predictor
    info = predictor.info
    return ModelBody(
        name=backend.settings.model,
        default=True,
        runtime=predictor.runtime.name,
        input_size=info.config.preprocess.size,
        classes=list(info.classes),
        thresholds=dict(info.thresholds),
        calibration=calibration_body(info),
        card=None,
    )


def calibration_body(info: BundleInfo) -> CalibrationBody | None:
    """Return what a bundle says about its calibration; None where it says nothing."""
    measured = info.provenance.get("out_of_fold", {})
    try:
        error, cases = float(measured["refined"]["ece"]["mean"]), int(measured["cases"])
    except (KeyError, TypeError, ValueError):
        return None
    text = (
        f"Out of fold on {cases:,} images, the probability of the class answered is off by {100 * error:.1f} "
        "percentage points on average. On other scanners and patients it may be further off."
    )
    return CalibrationBody(ece=error, n=cases, text=text)
