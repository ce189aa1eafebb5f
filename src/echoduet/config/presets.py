"""The configurations that ship with EchoDuet, by name."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped() -> dict[str, Path]:
    """Return every shipped configuration, name (file name without extension) to file, in alphabetical order."""
    return {path.stem: path for path in sorted(_folder().glob("*")) if path.suffix in {".json", ".yaml"}}


def _folder() -> Path:
    # A checkout has its configs/ beside src/; the build copies that folder into the installed package.
    checkout = _PACKAGE.parents[1]
    return checkout / "configs" if (checkout / "pyproject.toml").is_file() else _PACKAGE / "configs"
