"""The run folder: what was asked, on what, and what came of it, machine-readable.

config.json         every key of the experiment
learns_from.json    which cases, and which of them train, validate and test: hashes
environment.json    versions, machine, git revision, command line
metrics.jsonl       one object per epoch
checkpoint.pt       the state to resume from (tensors and plain values)
model.safetensors   the trained bundle
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError
from echoduet.files import write_json, write_text

_DATA = "learns_from.json"

PACKAGES = ("echoduet", "torch", "numpy", "scipy", "scikit-learn", "scikit-image", "pillow", "safetensors", "pydantic")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that holds one training run, whole."""

    path: Path

    @classmethod
    def create(
        cls, path: Path, config: dict[str, Any], resume: bool = False, learns_from: dict[str, Any] | None = None
    ) -> RunFolder:
        """Start a run folder, or with `resume` open the one that is there.

        Args:
            path: the folder.
            config: every key of the experiment.
            resume: open a run that is there.
            learns_from: by what the data of two runs are told apart, hashes of cases and parts; None to leave it open.

        Raises:
            OutputError: the folder holds a run already, a run with another configuration or on other data, or cannot
                be written.
        """
        stored = path / "config.json"
        if stored.exists():
            _require_resumable(stored, config, resume)
        if learns_from is not None:
            _require_same_data(cls(path), learns_from)
            write_json(path / _DATA, learns_from)
        write_json(stored, config)
        write_json(path / "environment.json", environment())
        return cls(path)

    @property
    def metrics(self) -> Path:
        """The log, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The state to resume from."""
        return self.path / "checkpoint.pt"

    @property
    def model(self) -> Path:
        """The trained bundle."""
        return self.path / "model.safetensors"

    def log(self, row: dict[str, Any]) -> None:
        """Append one row to the log."""
        try:
            with self.metrics.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row, allow_nan=False) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise OutputError(
                f"{self.metrics}: cannot be written ({error.strerror}). Free space, then --resume."
            ) from error

    def rows(self) -> list[dict[str, Any]]:
        """Return the logged rows; a line cut short by a crash is left out."""
        if not self.metrics.exists():
            return []
        return [row for line in self.metrics.read_text(encoding="utf-8").splitlines() if (row := _parsed(line))]

    def keep_rows(self, epochs: int) -> None:
        """Drop what was logged after the first `epochs` epochs, so that a resumed run does not log an epoch twice."""
        rows = [row for row in self.rows() if row["epoch"] <= epochs]
        write_text(self.metrics, "".join(json.dumps(row) + "\n" for row in rows))


def _require_resumable(stored: Path, config: dict[str, Any], resume: bool) -> None:
    if not resume:
        raise OutputError(
            f"{stored.parent}: holds a run already. Add --resume to continue it, or choose another --out."
        )
    previous = json.loads(stored.read_text(encoding="utf-8"))
    changed = sorted(key for key in previous.keys() | config.keys() if previous.get(key) != config.get(key))
    if changed:
        raise OutputError(
            f"{stored}: this run was started with another {', '.join(changed)}. Resume it with the same configuration, "
            "or choose another --out."
        )


def _require_same_data(run: RunFolder, learns_from: dict[str, Any]) -> None:
    # A checkpoint of other parts may have learnt from what this run tests.
    if not run.checkpoint.exists():
        return
    stored = run.path / _DATA
    try:
        previous = dict(json.loads(stored.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(
            f"{stored}: cannot be read, so what {run.checkpoint.name} learnt from is unknown. Choose another folder."
        ) from error
    changed = [key for key, value in learns_from.items() if previous.get(key) != value]
    if changed:
        names = {"fold": "fold", "cases_sha256": "set of cases", "parts_sha256": "split"}
        raise OutputError(
            f"{run.path}: the run there was started on another {names.get(changed[0], changed[0])}, and its checkpoint "
            "may have learnt from what is tested now. Resume it on the same data, or choose another folder."
        )


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row


def environment() -> dict[str, Any]:
    """Return versions, machine, git revision and command line of this process."""
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_revision": git_revision(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """Return the processor's name as the system gives it."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def git_revision() -> str | None:
    """Return the commit this code was run from, with `+changes` when files differ from it; None outside a checkout."""
    here = Path(__file__).parent
    revision = _git(here, "rev-parse", "HEAD")
    if not revision:
        return None
    return f"{revision}+changes" if _git(here, "status", "--porcelain", "--untracked-files=no") else revision


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
