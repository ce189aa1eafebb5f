"""`outcome.json`, the last file of a cell: what made it, and the hash of what it left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError
from echoduet.experiments.grid.jobs import Job
from echoduet.files import file_sha256, write_json

NAME = "outcome.json"

FORMAT = 1
"""Counts up when the files of a cell, or of a grid, change their meaning."""

KEPT = ("model.safetensors", "metrics.jsonl", "config.json")
"""Files of a cell, beside its rows, whose hash is kept."""


def write_outcome(folder: Path, job: Job, facts: Mapping[str, Any]) -> None:
    """Seal the cell in `folder`.

    Args:
        folder: where its files lie.
        job: what was run.
        facts: what to keep of how it went: seconds, images, node ...

    Raises:
        OutputError: a file cannot be read, or the outcome cannot be written.
    """
    kept = () if job.members else KEPT
    files = {name: file_sha256(folder / name) for name in (*job.case_files.values(), *kept)}
    content = {"format": FORMAT, **identity(job), "files": files, **facts}
    write_json(folder / NAME, content | {"sha256": _seal(content)})


def identity(job: Job) -> dict[str, Any]:
    """Return what two cells must share to be the same."""
    return {
        "version": job.version,
        **_TRAINED,
        **job.key,
        "part": job.part,
        "at_sizes": list(job.at_sizes),
        "config_sha256": hashlib.sha256(json.dumps(job.config, sort_keys=True).encode()).hexdigest(),
        "cases_sha256": job.cases_sha256,
        "splits_sha256": job.splits_sha256,
    }


def read_outcome(folder: Path, job: Job) -> dict[str, Any]:
    """Return the outcome of the finished cell in `folder`, after a look at every file.

    Raises:
        OutputError: it is missing or damaged, of another format or version, another experiment's, or a file was changed
            after it was written.
    """
    outcome = _read(folder / NAME)
    if outcome.get("format") != FORMAT:
        raise OutputError(f"{folder}: was written by another version of EchoDuet. Choose another --out.")
    if outcome.get("sha256") != _seal({key: value for key, value in outcome.items() if key != "sha256"}):
        raise OutputError(f"{folder / NAME}: {_CHANGED}")
    changed = [key for key, value in identity(job).items() if outcome.get(key, _TRAINED.get(key)) != value]
    if changed:
        raise OutputError(f"{folder}: holds a cell of another {_named(changed[0])}. Choose another --out.")
    for name, sha256 in outcome["files"].items():
        if file_sha256(folder / name) != sha256:
            raise OutputError(f"{folder / name}: {_CHANGED}")
    return outcome


_TRAINED: dict[str, Any] = {"members": [], "networks_of": None}
"""What the key of a cell that trains its own network leaves out."""

_CHANGED = (
    "was changed after it was written: its hash is another. "
    "Restore it, or move the cell's folder away to run the cell again."
)


def _named(key: str) -> str:
    names = {"config": "configuration", "cases": "set of cases", "splits": "split", "at": "scoring size"}
    names |= {"members": "set of networks", "networks": "setting's networks"}
    return names.get(key.partition("_")[0], key)


def _read(path: Path) -> dict[str, Any]:
    try:
        outcome: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{path}: cannot be read ({error}), though its folder is that of a finished cell. Restore it, or move the "
            "folder away to run the cell again."
        ) from error
    if not isinstance(outcome, dict):
        raise OutputError(f"{path}: {_CHANGED}")
    return outcome


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
