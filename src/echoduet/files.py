"""Writing files so that they appear whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError


def user_cache() -> Path:
    """Return where caches are kept: `$ECHODUET_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("ECHODUET_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen) if chosen else (Path(base) if base else Path.home() / ".cache") / "echoduet"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place when the block ends well, remove it otherwise.

    Raises:
        OutputError: the folder cannot be made, or the file cannot be written (full disk, no permission).
    """
    temporary = path.with_name(f".{path.stem[:40]}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: cannot be written ({reason}). Free space, or choose another --out.") from error
    finally:
        with suppress(OSError):  # the folder itself may be missing or read-only: then there is nothing to remove
            temporary.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    # Without it a power cut after the rename can leave an empty file under the final name.
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def require_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before any work is done for it; nothing is left behind.

    Raises:
        OutputError: it is a file, cannot be made, or no file can be created in it.
    """
    if existing := next((place for place in (folder, *folder.parents) if place.is_file()), None):
        raise OutputError(f"{existing}: is a file, and a folder is needed there. Choose another --out.")
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    probe = folder / "probe"
    with atomic_path(probe) as temporary:
        temporary.touch()
    probe.unlink()
    for made in missing:
        made.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write `rows` under `columns` as UTF-8 CSV, atomically; None becomes an empty cell."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OutputError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}). Restore it.") from error
