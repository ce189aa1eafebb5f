"""What runs the server asks for: models, health, metrics."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from echoduet.models.info import BundleInfo
from echoduet.service.backend import Backend
from echoduet.service.metrics import CONTENT_TYPE
from echoduet.service.refusals import missing
from echoduet.service.responses import described, told
from echoduet.service.schemas import CalibrationBody, HealthBody, MalignantBinBody, ModelBody, ModelsBody

_METRICS: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "In Prometheus' text format."}
}
_CARD: dict[str, Any] = {
    "content": {"text/markdown": {"schema": {"type": "string"}}},
    "description": "The card.",
}


def operations_router(backend: Backend) -> APIRouter:
    """Return the routes about the server itself."""
    router = APIRouter(tags=["server"])

    @router.get("/v1/models", responses=described(401, 403, 429))
    def models() -> ModelsBody:
        """Tell which model answers, and by which thresholds."""
        return ModelsBody(models=[model_body(backend)])

    @router.get(
        "/v1/models/{name}/card",
        response_class=Response,
        responses=described(401, 403, 404, 422, 429) | {200: _CARD},
    )
    def card(name: Annotated[str, Path(max_length=64)]) -> Response:
        """Return a model's card: data, measures, limits."""
        file = backend.settings.card
        if name != backend.settings.model or file is None or not file.is_file():
            raise missing("card")
        return Response(file.read_bytes(), headers={"content-type": "text/markdown; charset=utf-8"})

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
    predictor, settings = backend.predictor, backend.settings
    info = predictor.info
    return ModelBody(
        name=settings.model,
        default=True,
        runtime=predictor.runtime.name,
        input_size=info.config.preprocess.size,
        classes=list(info.classes),
        thresholds=dict(info.thresholds),
        calibration=calibration_body(info),
        card=f"{settings.root_path}/v1/models/{settings.model}/card" if settings.card else None,
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
    malignant = measured.get("malignant_calibration") or {"ece": None, "bins": []}
    bins = [
        MalignantBinBody(low=bin_["from"], high=bin_["to"], n=bin_["n"], malignant=bin_["malignant"])
        for bin_ in malignant["bins"]
    ]
    return CalibrationBody(ece=error, n=cases, text=text, malignant_ece=malignant["ece"], malignant_bins=bins)
