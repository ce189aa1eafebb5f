"""The table of folds: which case stands in which part of which fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from echoduet.data.tables import Row, read_csv
from echoduet.errors import SplitError
from echoduet.files import write_csv
from echoduet.records import Case

COLUMNS = ("case_id", "fold", "part")


class Part(StrEnum):
    """What the cases of one part of a fold are for; `unused` cases have no part in that fold."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    UNUSED = "unused"


SIDES = (Part.TRAIN, Part.VAL, Part.TEST)
"""The parts that must know nothing of one another."""


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One case in one fold."""

    case_id: str
    fold: int
    part: Part


@dataclass(frozen=True)
class SplitTable:
    """Rows of `case_id, fold, part`; every case stands in every fold once.

    Raises:
        SplitError: a case is listed twice in a fold, or is missing from one.
    """

    rows: tuple[SplitRow, ...]

    def __post_init__(self) -> None:
        _require_each_case_once_per_fold(self.rows)

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds' numbers, ascending."""
        return tuple(self._parts)

    @property
    def case_ids(self) -> tuple[str, ...]:
        """Every case once, in the order of the first fold."""
        return tuple(next(iter(self._parts.values()), {}))

    def parts(self, fold: int) -> Mapping[str, Part]:
        """Return the part of every case in `fold`.

        Raises:
            SplitError: there is no such fold.
        """
        if fold not in self._parts:
            known = ", ".join(map(str, self.folds)) or "none"
            raise SplitError(f"Fold {fold} does not exist; the split has: {known}. Choose one of these with --fold.")
        return self._parts[fold]

    def ids(self, fold: int, part: Part | str) -> tuple[str, ...]:
        """Return the cases of one part ("train", "val", "test", "unused") of `fold`, in table order."""
        wanted = Part(part)
        return tuple(case_id for case_id, actual in self.parts(fold).items() if actual is wanted)

    def test_folds(self) -> dict[str, int]:
        """Return for every case the fold that tests it."""
        return {row.case_id: row.fold for row in self.rows if row.part is Part.TEST}

    def require_matches(self, cases: Iterable[Case]) -> None:
        """Refuse a table that was made for other cases.

        Raises:
            SplitError: a case of the data is not in the table, or the reverse.
        """
        known, given = set(self.case_ids), {case.case_id for case in cases}
        for missing, sentence in ((given - known, "is not in the split"), (known - given, "is not in the data")):
            if missing:
                more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
                raise SplitError(f'Case "{min(missing)}"{more} {sentence}. Make the split again from this manifest.')

    @cached_property
    def _parts(self) -> dict[int, dict[str, Part]]:
        parts: dict[int, dict[str, Part]] = {fold: {} for fold in sorted({row.fold for row in self.rows})}
        for row in self.rows:
            parts[row.fold][row.case_id] = row.part
        return parts


def _require_each_case_once_per_fold(rows: Sequence[SplitRow]) -> None:
    seen: dict[int, set[str]] = {}
    for row in rows:
        if row.case_id in seen.setdefault(row.fold, set()):
            raise SplitError(f'Case "{row.case_id}" is listed twice in fold {row.fold}. Keep one of the two.')
        seen[row.fold].add(row.case_id)
    everyone = set().union(*seen.values())
    for fold, present in sorted(seen.items()):
        if missing := everyone - present:
            raise SplitError(
                f'Case "{min(missing)}" is missing from fold {fold}. Every case stands in every fold once.'
            )


def write_splits(table: SplitTable, path: Path) -> None:
    """Write the table as CSV with the columns `case_id,fold,part`, atomically."""
    rows = ({"case_id": row.case_id, "fold": row.fold, "part": row.part.value} for row in table.rows)
    write_csv(path, COLUMNS, rows)


def read_splits(path: Path) -> SplitTable:
    """Read a table that `write_splits`, or a person, has written; further columns are ignored.

    Raises:
        ManifestError: the file cannot be read, or lacks a column.
        SplitError: a cell is wrong, or a case is not in every fold once.
    """
    rows = tuple(_split_row(row) for row in read_csv(path, COLUMNS))
    if not rows:
        raise SplitError(f"{path}: has no rows. Make it with `echoduet split`.")
    try:
        return SplitTable(rows)
    except SplitError as error:
        raise SplitError(f"{path}: {error}") from error


def _split_row(row: Row) -> SplitRow:
    part = row.needed("part")
    if part not in set(Part):
        raise SplitError(f"{row.where}: 'part' is '{part}'. Write train, val, test or unused.")
    row.needed("fold")
    return SplitRow(case_id=row.needed("case_id"), fold=row.whole_number("fold"), part=Part(part))
