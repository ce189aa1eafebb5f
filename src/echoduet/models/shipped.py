"""The trained bundles that ship with EchoDuet, by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from echoduet.errors import ModelError
from echoduet.files import write_text

DEFAULT = "base"
NAMES = ("base", "small")

_CHECKSUMS = "SHA256SUMS"
_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder() -> Path:
    """Return where shipped bundles lie: `models/` of a checkout, or its copy inside an installed package."""
    checkout = _PACKAGE.parents[1]
    return checkout / "models" if (checkout / "pyproject.toml").is_file() else _PACKAGE / "models_shipped"


def shipped_model(name: str = DEFAULT) -> Path:
    """Return the shipped bundle of that name, once its bytes are those that were released.

    Raises:
        ModelError: there is no bundle of that name, it is not there, or its checksum differs.
    """
    if name not in NAMES:
        raise ModelError(f"{name}: no shipped model has that name. Known: {', '.join(NAMES)}.")
    path = shipped_folder() / f"echoduet-{name}.safetensors"
    if not path.is_file():
        raise ModelError(
            f"{path}: the shipped model is not there. Install EchoDuet whole, or name a trained model with --model."
        )
    expected = _read_checksums(path.parent).get(path.name)
    if expected != _digest(path):
        raise ModelError(
            f"{path}: is not the file that was released ({_CHECKSUMS} beside it says otherwise). Restore both, or name "
            "the model with --model as a path."
        )
    return path


def find_model(given: Path | str | None) -> Path:
    """Return the bundle that `given` means: a file, or the name of a shipped one; the default one for None.

    Raises:
        ModelError: a shipped bundle is meant and cannot be used, or the file is not the one that a list of checksums
            beside it tells.
    """
    if given is None:
        return shipped_model()
    path = Path(given)
    if str(given) in NAMES and not path.exists():
        return shipped_model(str(given))
    require_unaltered(path)
    return path


def spoken_name(path: Path) -> str:
    """Return what a bundle is called: `base` or `small` for one that ships, else the file's name without extension."""
    stem = path.stem
    return stem.removeprefix("echoduet-") if path.parent == shipped_folder() else stem


def require_unaltered(path: Path) -> None:
    """Refuse a bundle whose bytes are not those that a list of checksums beside it tells, where one lists it.

    Raises:
        ModelError: they are not.
    """
    expected = _read_checksums(path.parent).get(path.name)
    if expected is not None and path.is_file() and expected != _digest(path):
        raise ModelError(f"{path}: was changed ({_CHECKSUMS} beside it says otherwise). Restore it from its source.")


def record_checksum(path: Path) -> None:
    """Enter a bundle's SHA-256 into the list beside it, in the form that `sha256sum --check` reads."""
    sums = _read_checksums(path.parent) | {path.name: _digest(path)}
    write_text(path.parent / _CHECKSUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def _read_checksums(folder: Path) -> dict[str, str]:
    listing = folder / _CHECKSUMS
    if not listing.is_file():
        return {}
    pairs = (
        line.split(maxsplit=1)
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    )
    return {pair[1].strip(): pair[0] for pair in pairs if len(pair) == 2}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
