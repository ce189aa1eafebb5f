"""A CSV table with a row per image: columns `image` and `label`, and any of `masks`, `patient`, `group`, `case_id`.

The table is given itself, or a folder that holds one such table. Paths in it are relative to its folder; several masks
of one image are separated by semicolons. Common other spellings of the columns are understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.miniatures import draw_scan, save, split_mask
from echoduet.data.tables import Row, case_of, read_csv
from echoduet.errors import LayoutError, ManifestError
from echoduet.files import write_text
from echoduet.records import CLASSES, Case, Label

NAME = "table"
EXPECTED: Counts | None = None
COMPANIONS: tuple[str, ...] = ("*.csv",)

ALIASES = {
    "image": ("image_path", "img_path", "image_file", "image_filename", "file", "filename", "path"),
    "masks": ("mask", "mask_path", "mask_file", "mask_filename", "mask_paths"),
    "label": ("class", "pathology", "classification", "diagnosis"),
    "patient": ("patient_id", "patientid", "subject"),
}
"""Other spellings of a manifest's columns, in lower case."""


def recognise(root: Path) -> bool:
    """Tell whether `root` is a table of images, or holds exactly one."""
    return len(_tables(root)) == 1


def read(root: Path) -> Iterator[Case]:
    """Yield the cases in the order of the table.

    Raises:
        LayoutError: there is not exactly one table of images.
        ManifestError: the table cannot be read, or a cell is empty or wrong.
    """
    tables = _tables(root)
    if len(tables) != 1:
        raise LayoutError(f"{root}: holds {len(tables)} tables with columns image and label. Give the table itself.")
    for row in _rows(tables[0]):
        yield replace(case_of(row, tables[0].absolute().parent), source=NAME)


def _tables(root: Path) -> list[Path]:
    candidates = [root] if root.is_file() else sorted(root.glob("*.csv"))
    return [path for path in candidates if path.suffix.lower() == ".csv" and _has_columns(path)]


def _has_columns(path: Path) -> bool:
    try:
        rows = _rows(path)
    except ManifestError:
        return False
    return bool(rows) and {"image", "label"} <= rows[0].cells.keys()


def _rows(path: Path) -> list[Row]:
    return [_renamed(row) for row in read_csv(path, ())]


def _renamed(row: Row) -> Row:
    spelling = {alias: name for name, aliases in ALIASES.items() if name not in row.cells for alias in aliases}
    return Row(row.where, {spelling.get(name, name): text for name, text in row.cells.items()})


def write_miniature(root: Path, seed: int) -> None:
    """Write 12 tiny images and their table, with a byte-order mark and semicolons; the second has two masks."""
    rng = np.random.default_rng(seed)
    lines = ["Image_Path;Mask;Class;Patient"]
    for n in range(12):
        label = CLASSES[n % 3]
        image, mask = draw_scan(rng, label)
        save(root / "scans" / f"{n}.png", image)
        names = []
        if label is not Label.NORMAL:
            for k, part in enumerate(split_mask(mask) if n == 1 else [mask]):
                names.append(f"truth/{n}_{k}.png")
                save(root / names[-1], part)
        masks = ";".join(names)
        lines.append(f'scans/{n}.png;"{masks}";{label.value.upper()};p{n // 2}')
    write_text(root / "images.csv", "\ufeff" + "\n".join(lines) + "\n")
