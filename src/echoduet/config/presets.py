"""The configurations and grids that ship with EchoDuet, by name."""

from __future__ import annotations

import re
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

# Read as text: a file that does not parse must not hide the others.
_SETTINGS = re.compile(r'^(settings:|\s*"settings"\s*:)', re.MULTILINE)


def shipped() -> dict[str, Path]:
    """Return every shipped configuration, name (file name without extension) to file, in alphabetical order."""
    return {name: path for name, path in _files().items() if not _looks_like_grid(path)}


def shipped_grids() -> dict[str, Path]:
    """Return every shipped grid of experiments, which is a file with a top-level key `settings`; see `shipped`."""
    return {name: path for name, path in _files().items() if _looks_like_grid(path)}


def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(_folder().glob("*")) if path.suffix in {".json", ".yaml"}}


def _looks_like_grid(path: Path) -> bool:
    return _SETTINGS.search(path.read_text(encoding="utf-8", errors="replace")) is not None


def _folder() -> Path:
    # A checkout has its configs/ beside src/; the build copies that folder into the installed package.
    checkout = _PACKAGE.parents[1]
    return checkout / "configs" if (checkout / "pyproject.toml").is_file() else _PACKAGE / "configs"
