"""The files of a page, the only ones that are ever served."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


def page_file(name: str) -> tuple[bytes, str] | None:
    """Return a file that comes with EchoDuet and its type; None where there is none of that name."""
    media_type = _TYPES.get(Path(name).suffix)
    # Names are looked up among those that exist, never joined to a path.
    found = next((f for f in (files("echoduet.service") / "static").iterdir() if f.name == name), None)
    if found is None or media_type is None or not found.is_file():
        return None
    return found.read_bytes(), f"{media_type}; charset=utf-8"
