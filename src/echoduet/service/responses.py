"""How answers are written: bodies as JSON, and what each status means in the description of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from echoduet.service.schemas import ErrorBody

MEANINGS = {
    400: "The request is not well formed.",
    401: "The token is missing or wrong.",
    403: "Another site asked for this, or under another host name.",
    404: "There is no such thing, or it is no longer kept.",
    408: "The upload took too long.",
    409: "It cannot be done as things stand.",
    413: "The request is too large, or holds too many files.",
    415: "The body is of another type than is taken.",
    422: "The request does not fit, or no file of it could be read.",
    429: "Too many requests; `Retry-After` says when to ask again.",
    500: "A fault of this server.",
    503: "No room at this moment; `Retry-After` says when to ask again.",
    507: "The disk is full.",
}

PRIVATE = {"cache-control": "private, no-store"}
"""Headers of what is about a patient."""


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of errors that a route may answer with."""
    retry = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    entries: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        entries[status] = {"model": ErrorBody, "description": MEANINGS[status]}
        if status in (429, 503):
            entries[status]["headers"] = retry
    return entries


def binary(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer that is a file of one of these types."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {200: {"content": content, "description": "The file."}}


def told(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a body as a JSON answer."""
    return Response(body.model_dump_json(), status, dict(headers or {}), "application/json")
