"""The saved index: a folder that keeps what was read of every image, and which pairs were found.

    index.json          what made it: version and settings; another version or other settings are refused
    shards/000000.json  what was noted of the images, some hundreds at a time; a shard counts once its file is there
    pictures.u8 ...     what was seen of them, as columns: row i belongs to the i-th image noted
    found-<settings>/   the pairs, as a log

Columns are written before the shard that speaks of them, and every file appears whole or not at all, so that a run may
be killed at any moment: what it had not finished is read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from echoduet import lock
from echoduet.curation.index.columns import Column, gathered
from echoduet.curation.index.entries import Entry, Key
from echoduet.curation.index.found import FoundPairs
from echoduet.curation.matching.features import DESCRIPTOR, Features, FeatureTable
from echoduet.curation.matching.settings import MatchSettings
from echoduet.errors import CurationError
from echoduet.files import require_writable, write_json, write_text

VERSION = 1
"""Counts up when the files of an index, or what reading notes of an image, change their meaning."""

HEAD = "index.json"


class Index:
    """An open index; no other run can open it until it is closed."""

    def __init__(self, folder: Path, settings: MatchSettings) -> None:
        """Open the index in `folder`; `Index.open` does the same."""
        require_writable(folder)
        self.folder, self.settings = folder, settings
        _require_ours(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock.hold(folder, "--index")
        try:
            _sweep(folder)
            _require_head(folder, settings)
            self._shards, self._entries = _load_shards(folder / "shards")
        except BaseException:
            self.close()
            raise
        self._latest = {entry.key: row for row, entry in enumerate(self._entries)}
        self._features = sum(entry.features for entry in self._entries)
        square = (settings.side, settings.side)
        self._pictures = Column(folder / "pictures.u8", square, np.uint8)
        self._overlays = Column(folder / "overlays.u8", square, np.uint8)
        self._points = Column(folder / "points.f32", (4,), np.float32)
        self._descriptors = Column(folder / "descriptors.u8", (DESCRIPTOR,), np.uint8)

    @classmethod
    def open(cls, folder: Path, settings: MatchSettings) -> Index:
        """Open the index in `folder`, or begin one where there is none.

        Raises:
            CurationError: it is of another version or other settings, damaged, or the folder holds other files.
            OutputError: another run is using it, or it cannot be written.
            OutputError: the folder cannot be written to.
        """
        return cls(folder, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of rows, those of files that have changed since included."""
        return len(self._entries)

    def __getitem__(self, row: int) -> Entry:
        return self._entries[row]

    def close(self) -> None:
        """Let other runs open it."""
        self._lock.close()

    def row_of(self, key: Key) -> int | None:
        """Return the row of a case as it was last read; None where it never was."""
        return self._latest.get(key)

    def add(self, read: Sequence[tuple[Entry, Features]]) -> None:
        """Save some hundred cases, all of them or none.

        Raises:
            OutputError: they cannot be written.
        """
        if not read:
            return
        first = len(self._entries)
        self._pictures.write(first, [self._square(features.picture) for _, features in read])
        self._overlays.write(first, [self._square(features.overlay) for _, features in read])
        self._points.write(self._features, [features.points for _, features in read])
        self._descriptors.write(self._features, [features.descriptors for _, features in read])
        write_text(_shard(self.folder / "shards", self._shards), json.dumps([entry.as_json() for entry, _ in read]))
        self._shards += 1
        self._features += sum(entry.features for entry, _ in read)
        self._latest |= {entry.key: first + i for i, (entry, _) in enumerate(read)}
        self._entries += [entry for entry, _ in read]

    def _square(self, picture: NDArray[Any]) -> NDArray[np.uint8]:
        square = np.zeros((1, self.settings.side, self.settings.side), np.uint8)
        square[0, : picture.shape[0], : picture.shape[1]] = picture
        return square

    def table(self, rows: NDArray[np.int64]) -> FeatureTable:
        """Return the features of these rows as columns, on disk and mapped.

        Raises:
            CurationError: a file of the index is missing or too short.
            OutputError: the rows are not the first ones, and there is no space to put them in order.
        """
        entries = [self._entries[row] for row in rows]
        counts = np.array([entry.features for entry in entries], np.int64)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        squares, lines = (self._pictures, self._overlays), (self._points, self._descriptors)
        if np.array_equal(rows, np.arange(len(rows))):
            pictures, overlays = (column.read(len(rows)) for column in squares)
            points, descriptors = (column.read(int(offsets[-1])) for column in lines)
        else:
            starts = np.cumsum([0, *(entry.features for entry in self._entries)])[rows]
            places = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
            pictures, overlays = (gathered(column.read(len(self)), rows, self.folder) for column in squares)
            points, descriptors = (gathered(column.read(self._features), places, self.folder) for column in lines)
        return FeatureTable(
            pixels=tuple(entry.pixels for entry in entries),
            sizes=np.array([(entry.width, entry.height) for entry in entries], np.int32).reshape(-1, 2),
            offsets=offsets,
            points=points,
            descriptors=descriptors,
            pictures=pictures,
            overlays=overlays,
            shapes=np.array([entry.shape for entry in entries], np.int32).reshape(-1, 2),
        )

    def found(self, settings: MatchSettings) -> FoundPairs:
        """Return the pairs that were found with these settings; other thresholds have a log of their own.

        Raises:
            CurationError: the log is damaged.
        """
        name = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode()).hexdigest()[:16]
        folder = self.folder / f"found-{name}"
        _sweep(folder)
        return FoundPairs(folder)


def _require_ours(folder: Path) -> None:
    """Refuse a folder that holds something but no index."""
    names = sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.exists() else []
    if set(names) - {lock.NAME} and HEAD not in names:
        raise CurationError(f"{folder}: holds {names[0]} and no index. Choose an empty folder for --index.")


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed had begun to write."""
    for path in folder.glob(".*-????????*") if folder.is_dir() else ():
        path.unlink(missing_ok=True)


def _require_head(folder: Path, settings: MatchSettings) -> None:
    """Refuse an index that another version or other settings made; write the head of a new one."""
    wanted = {"version": VERSION, "features": settings.key()}
    path = folder / HEAD
    if not path.exists():
        write_json(path, wanted)
        return
    head = _read_json(path)
    if not isinstance(head, dict) or head.get("version") != VERSION:
        raise CurationError(f"{folder}: is an index of another version. {_ANEW}")
    made = head.get("features")
    if made != wanted["features"]:
        raise CurationError(f"{folder}: was made with {_differing(made, settings.key())}. {_ANEW}")


_ANEW = "Delete it, and the images are read again; or choose another --index."


def _differing(made: object, wanted: dict[str, object]) -> str:
    known = made if isinstance(made, dict) else {}
    return ", ".join(
        f"{name} {known.get(name)}, not {value}" for name, value in wanted.items() if known.get(name) != value
    )


def _load_shards(folder: Path) -> tuple[int, list[Entry]]:
    """Return the number of shards and the entries of all of them."""
    _sweep(folder)
    count = len(list(folder.glob("[0-9]*.json")))
    return count, list(chain.from_iterable(_load_shard(_shard(folder, number)) for number in range(count)))


def _shard(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.json"


def _load_shard(path: Path) -> list[Entry]:
    try:
        return [Entry.from_json(value) for value in _read_json(path)]
    except (ValueError, TypeError) as error:
        raise CurationError(f"{path}: is damaged. {_ANEW}") from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CurationError(
            f"{path}: is missing or damaged. Delete {path.parent} or choose another --index."
        ) from error
