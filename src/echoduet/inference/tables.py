"""The tables of a run, written row by row: a run over a million images holds none of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from echoduet.files import atomic_path
from echoduet.inference.rows import COLUMNS, LESION_COLUMNS, flat, flat_lesions


class Tables:
    """`predictions.csv`, `predictions.jsonl`, `lesions.csv` and `skipped.csv` while they are written."""

    def __init__(self, predictions: TextIO, lines: TextIO, lesions: TextIO, skipped: TextIO) -> None:
        self._lines = lines
        self._predictions = _writer(predictions, COLUMNS)
        self._lesions = _writer(lesions, LESION_COLUMNS)
        self._skipped = _writer(skipped, ("file", "reason"))

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one record, as `rows.record` makes them with the places of its files, to all but `skipped.csv`."""
        self._lines.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        self._predictions.writerow(flat(row))
        self._lesions.writerows(flat_lesions(row))

    def skip(self, path: Path, reason: str) -> None:
        """Write down a file that could not be read, and why."""
        self._skipped.writerow({"file": path, "reason": reason})


def _writer(stream: TextIO, columns: Sequence[str]) -> csv.DictWriter[str]:
    writer = csv.DictWriter(stream, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    return writer


@contextmanager
def open_tables(out: Path) -> Iterator[Tables]:
    """Yield tables that appear under `out` once the block ends well, all of them or none.

    Raises:
        OutputError: a file cannot be written.
    """
    with ExitStack() as stack:
        streams = []
        for name in ("predictions.csv", "predictions.jsonl", "lesions.csv", "skipped.csv"):
            path = stack.enter_context(atomic_path(out / name))
            # A file name may hold bytes that are no text; in JSON what they become is read back as the same name.
            stream = path.open("w", newline="", encoding="utf-8", errors="backslashreplace")
            streams.append(stack.enter_context(stream))
        yield Tables(*streams)
