"""Reading the tables of a curation row by row, so that a million pairs cost no memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from echoduet.errors import ManifestError

CELL_LIMIT = 2**31 - 1
"""Longest cell, in characters: a group of ten thousand ids is longer than the csv module's own limit."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its cells by column, and where it stands."""

    where: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell; empty where there is no such column."""
        return self.cells.get(column) or ""

    def ids(self, column: str) -> tuple[str, ...]:
        """Return the ids that a cell lists, separated by semicolons."""
        return tuple(filter(None, self.text(column).split(";")))

    def number(self, column: str, absent: float) -> float:
        """Return a cell as a number, `absent` where it is empty.

        Raises:
            ManifestError: it is something else.
        """
        try:
            return float(self.text(column) or absent)
        except ValueError:
            raise ManifestError(
                f"{self.where}: '{column}' is '{self.text(column)}', not a number. Run `echoduet curate` again."
            ) from None

    def truth(self, column: str) -> bool:
        """Return whether a cell says yes: 1 or true."""
        return self.text(column).lower() in ("1", "true", "yes")


def table_rows(path: Path, columns: Sequence[str]) -> Iterator[TableRow]:
    """Yield the rows of a table that `echoduet curate` wrote.

    Args:
        path: the CSV file.
        columns: those that must be there.

    Raises:
        ManifestError: the file is missing or damaged, or lacks a column.
    """
    csv.field_size_limit(CELL_LIMIT)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise ManifestError(f"{path}: has no column '{min(missing)}'. Run `echoduet curate` again.")
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if None in cells or None in cells.values():
                    raise ManifestError(f"{where}: has too many or too few cells. Run `echoduet curate` again.")
                yield TableRow(where, cells)
    except FileNotFoundError as error:
        raise ManifestError(
            f"{path}: is missing, so {path.parent} holds no finished curation. "
            "Name the folder that `echoduet curate` was given as --out."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot be read ({error}). Run `echoduet curate` again.") from error
