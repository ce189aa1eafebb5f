"""Rows of CSV and XLSX tables as text, and how such a row becomes a case."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from echoduet.data.layout import label_of
from echoduet.errors import ManifestError
from echoduet.records import Case


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its cells by column name (lower case, stripped), and where it stands."""

    where: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell, stripped; empty where the column or the cell is missing."""
        return self.cells.get(column, "").strip()

    def needed(self, column: str) -> str:
        """Return a cell that may not be empty.

        Raises:
            ManifestError: it is.
        """
        if not self.text(column):
            raise ManifestError(f"{self.where}: '{column}' is empty. Fill it in, or remove the row.")
        return self.text(column)

    def whole_number(self, column: str) -> int:
        """Return a cell as an integer >= 0; 0 where it is empty.

        Raises:
            ManifestError: it is something else.
        """
        text = self.text(column) or "0"
        if not text.isdecimal():
            raise ManifestError(f"{self.where}: '{column}' is '{text}', not a whole number. Correct it.")
        return int(text)


def read_csv(path: Path, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a CSV file, separated by comma, semicolon or tab, with or without a byte-order mark.

    Args:
        path: the file, UTF-8.
        columns: names (lower case) that must be among its columns.

    Raises:
        ManifestError: the file is missing, not text, or lacks a column; a row has more cells than columns.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        # Not str.splitlines: it also breaks at characters that mean nothing to CSV.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        # The number of the line, not of the record: a quoted cell may hold line breaks.
        records = [(reader.line_num, record) for record in reader if any(record)]
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: is not UTF-8 text. Save the table as CSV in UTF-8.") from error
    except csv.Error as error:
        raise ManifestError(f"{path}: is no readable CSV table ({error}). Save it again as CSV.") from error
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror}). Give a table that exists.") from error
    return _rows(path, records, columns)


def read_xlsx(path: Path, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a workbook's first sheet; arguments and errors as `read_csv`."""
    import openpyxl  # noqa: PLC0415 - a slow import, for the one data set that needs it

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, BadZipFile, openpyxl.utils.exceptions.InvalidFileException) as error:
        raise ManifestError(f"{path}: is no readable XLSX workbook ({error}). Restore it from its source.") from error
    try:
        values = enumerate(book.worksheets[0].iter_rows(values_only=True), start=1)
        texts = ((number, ["" if value is None else str(value) for value in record]) for number, record in values)
        return _rows(path, [(number, record) for number, record in texts if any(record)], columns)
    finally:
        book.close()


def case_of(row: Row, folder: Path) -> Case:
    """Return the case of a row with the columns of a manifest; relative paths start at `folder`.

    Raises:
        ManifestError: a cell is empty or wrong.
    """
    image = resolved(folder, row.needed("image"))
    return Case(
        case_id=row.text("case_id") or image.stem,
        image=image,
        masks=tuple(resolved(folder, part.strip()) for part in row.text("masks").split(";") if part.strip()),
        label=label_of(row.needed("label"), row.where),
        patient=row.text("patient") or None,
        group=row.text("group") or None,
        source=row.text("source"),
        width=row.whole_number("width"),
        height=row.whole_number("height"),
        sha256=row.text("sha256"),
    )


def resolved(folder: Path, name: str) -> Path:
    """Return the path that a cell names, relative to `folder`; both kinds of slash are understood."""
    # Without touching the disk: os.path.relpath, which wrote the cell, does not follow links either.
    return Path(os.path.normpath(folder / name.replace("\\", "/")))


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _rows(path: Path, records: Sequence[tuple[int, Sequence[str]]], columns: Iterable[str]) -> list[Row]:
    header = [name.strip().lower() for name in records[0][1]] if records else []
    missing = [name for name in columns if name not in header]
    if missing:
        raise ManifestError(f"{path}: has no column '{missing[0]}'. Its columns are {', '.join(header) or 'none'}.")
    rows = []
    for number, record in records[1:]:
        where = f"{path}, line {number}"
        if len(record) > len(header):
            raise ManifestError(f"{where}: has {len(record)} cells under {len(header)} columns. Quote the separators.")
        rows.append(Row(where, dict(zip(header, record, strict=False))))
    return rows
