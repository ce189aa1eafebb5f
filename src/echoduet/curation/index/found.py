"""The related pairs that were found, as a log: one file a step, so that a run that is killed loses one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from echoduet.curation.matching.search import Match
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.errors import CurationError
from echoduet.files import atomic_path

Matches = NDArray[np.void]
"""Matches in columns, `(N,)` of the type `MATCH`."""

MATCH = np.dtype(
    [("a", "<i8"), ("b", "<i8"), ("relation", "u1"), ("mirrored", "?")]
    + [(name, "<f8") for name in ("rotation", "scale", "dx", "dy", "overlap", "similarity", "confidence")]
)
"""Two rows of the index, and what `relations.Pair` says of them."""

RELATIONS = (Relation.COPY, Relation.SAME_SCAN, Relation.SAME_SCENE)


class _Step(NamedTuple):
    """Rows that were searched, rows that no longer count as searched, and matches."""

    rows: NDArray[np.int64]
    forgotten: NDArray[np.int64]
    matches: Matches


class FoundPairs:
    """Which rows of the index were searched, in which order, and what was found among them.

    Every row was compared with all those searched before it. A step adds rows and their matches, or takes rows
    out together with their matches; what was once written is never changed.
    """

    def __init__(self, folder: Path) -> None:
        """Take up the log in `folder`, which need not exist yet.

        Raises:
            CurationError: a step is missing or damaged.
        """
        self.folder = folder
        count = len(list(folder.glob("[0-9]*.npz")))
        self._steps = [_load(self._path(number)) for number in range(count)]

    def searched(self) -> NDArray[np.int64]:
        """Return the rows that were searched, in their order."""
        return _replayed(self._steps)[0]

    def matches(self) -> Matches:
        """Return what was found among them."""
        return _replayed(self._steps)[1]

    def add(self, rows: NDArray[np.int64], matches: Matches) -> None:
        """Save that `rows` were searched next, and found to match with earlier ones so.

        Raises:
            OutputError: the step cannot be written.
        """
        self._save(_Step(rows, rows[:0], matches))

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Save that `rows` were not searched after all, nor anything found of them.

        Raises:
            OutputError: the step cannot be written.
        """
        self._save(_Step(rows[:0], rows, np.zeros(0, MATCH)))

    def _save(self, step: _Step) -> None:
        with atomic_path(self._path(len(self._steps))) as temporary:
            np.savez(temporary, rows=step.rows, forgotten=step.forgotten, matches=step.matches)
        self._steps.append(step)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"


def as_matches(matches: Iterable[Match], rows: NDArray[np.int64]) -> Matches:
    """Return the matches of a table, of which image i is row `rows[i]` of the index, in columns."""
    return np.array([_values(match, rows) for match in matches], dtype=MATCH)


def as_pairs(matches: Matches, case_of: Mapping[int, str]) -> tuple[Pair, ...]:
    """Return the matches whose rows both stand for a case, as pairs in the order of the cases.

    Args:
        matches: of rows of the index.
        case_of: the case of a row; the order of its items is that of the cases.
    """
    names = list(case_of.values())
    rows = np.fromiter(case_of, np.int64, len(names))
    position = np.full(max(matches["b"].max(initial=0), matches["a"].max(initial=0), rows.max(initial=0)) + 1, -1)
    position[rows] = np.arange(len(rows))
    places = np.stack([position[matches["a"]], position[matches["b"]]])
    known = np.flatnonzero(places.min(axis=0) >= 0)
    ordered = known[np.lexsort((places.max(axis=0)[known], places.min(axis=0)[known]))]
    return tuple(
        _pair(names[a], names[b], match) if a < b else _pair(names[a], names[b], match).reversed()
        for (a, b), match in zip(places[:, ordered].T.tolist(), matches[ordered].tolist(), strict=True)
    )


def _values(match: Match, rows: NDArray[np.int64]) -> tuple[object, ...]:
    t = match.transform
    what = (rows[match.i], rows[match.j], RELATIONS.index(match.relation))
    how = (t.mirrored, t.rotation, t.scale, t.dx, t.dy)
    return (*what, *how, match.overlap, match.similarity, match.confidence)


def _pair(case_a: str, case_b: str, match: tuple[Any, ...]) -> Pair:
    _, _, relation, mirrored, rotation, scale, dx, dy, overlap, similarity, confidence = match
    transform = Transform(mirrored, rotation, scale, dx, dy)
    return Pair(case_a, case_b, RELATIONS[relation], transform, overlap, similarity, confidence)


def _load(path: Path) -> _Step:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as saved:
            step = _Step(*(saved[name] for name in _Step._fields))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise CurationError(
            f"{path}: is missing or damaged. Delete {path.parent}; the search is then made again."
        ) from error
    if step.matches.dtype != MATCH:
        raise CurationError(f"{path}: is of another version. Delete {path.parent}; the search is then made again.")
    return step


def _replayed(steps: Sequence[_Step]) -> tuple[NDArray[np.int64], Matches]:
    """Return the rows that count as searched, in order, and their matches, after all steps."""
    rows = np.concatenate([np.zeros(0, np.int64), *(step.rows for step in steps)])
    matches = np.concatenate([np.zeros(0, MATCH), *(step.matches for step in steps)])
    highest = max(numbers.max(initial=-1) for step in steps for numbers in (step.rows, step.forgotten)) if steps else -1
    forgotten_in = np.full(highest + 1, -1)
    for number, step in enumerate(steps):
        forgotten_in[step.forgotten] = number
    searched_in = np.repeat(np.arange(len(steps)), [len(step.rows) for step in steps])
    found_in = np.repeat(np.arange(len(steps)), [len(step.matches) for step in steps])
    out = np.maximum(forgotten_in[matches["a"]], forgotten_in[matches["b"]])
    return rows[searched_in > forgotten_in[rows]], matches[found_in > out]
