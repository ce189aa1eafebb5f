"""What the description of the service (`/openapi.json`) holds besides what its routes say: examples, and the token."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic.json_schema import models_json_schema

from echoduet.service.schemas import ExportBody

OPEN_ROUTES = ("/healthz", "/readyz")
"""Need no token."""


@cache
def examples() -> dict[str, dict[str, Any]]:
    """Return answers of a real run by method, path and status: `{"GET /v1/models": {"200": {...}}}`."""
    text = (files("echoduet.service") / "examples.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def completed(schema: dict[str, Any], token: bool) -> dict[str, Any]:
    """Add examples to a description, the body that a route reads by itself, and the token where one is asked for."""
    place = "#/components/schemas/{model}"
    schema.setdefault("components", {}).setdefault("schemas", {}).update(
        models_json_schema([(ExportBody, "validation")], ref_template=place)[1]["$defs"]
    )
    for route, answers in examples().items():
        method, path = route.split()
        for status, answer in answers.items():
            content = schema["paths"][path][method.lower()]["responses"][status]["content"]
            content["application/json"]["example"] = answer
    if token:
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in schema["paths"].items():
            for operation in methods.values() if path not in OPEN_ROUTES else ():
                operation["security"] = [{"token": []}]
    return schema
