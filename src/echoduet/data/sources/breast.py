"""BrEaST: `caseNNN.png`, `caseNNN_tumor.png`, `caseNNN_other1.png` in one folder, and an XLSX table.

Pawłowska et al., Scientific Data 11:148 (2024). One image a patient. Images are RGBA; normals have no tumour mask; the
`_other` masks outline further structures, not the lesion that was diagnosed, and are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.layout import folders, images_in, label_of
from echoduet.data.miniatures import draw_scan, save, split_mask
from echoduet.data.tables import Row, read_xlsx
from echoduet.files import atomic_path
from echoduet.records import CLASSES, Case, Label, Mask

NAME = "breast"
EXPECTED: Counts | None = Counts(benign=154, malignant=98, normal=4)
COMPANIONS: tuple[str, ...] = ("*.xlsx", "case*_other*.png")

_IMAGE = re.compile(r"case[0-9]+")
_COLUMNS = (
    "CaseID",
    "Image_filename",
    "Mask_tumor_filename",
    "Mask_other_filename",
    "Pixel_size",
    "Age",
    "BIRADS",
    "Classification",
)


def recognise(root: Path) -> bool:
    """Tell whether there are a workbook and files named `caseNNN`."""
    return bool(_workbooks(root)) and _image_folder(root) is not None


def read(root: Path) -> Iterator[Case]:
    """Yield the cases in the order of the table.

    Raises:
        ManifestError: the workbook cannot be read, or a row is incomplete.
    """
    folder = _image_folder(root) or root
    for workbook in _workbooks(root)[:1]:
        for row in read_xlsx(workbook, ("caseid", "image_filename", "mask_tumor_filename", "classification")):
            yield _case(row, folder)


def _case(row: Row, folder: Path) -> Case:
    image = folder / row.needed("image_filename")
    masks = [name.strip() for name in row.text("mask_tumor_filename").split("&")]
    return Case(
        case_id=image.stem,
        image=image,
        masks=tuple(folder / name for name in masks if name),
        label=label_of(row.needed("classification"), row.where),
        patient=row.needed("caseid"),
        source=NAME,
    )


def _workbooks(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*.xlsx") if not path.name.startswith((".", "~")))


def _image_folder(root: Path) -> Path | None:
    # The archive unpacks the images into a folder of their own, beside which the workbook is saved.
    for folder in (root, *folders(root)):
        if any(_IMAGE.fullmatch(path.stem) for path in images_in(folder)):
            return folder
    return None


def write_miniature(root: Path, seed: int) -> None:
    """Write 12 tiny RGBA images with their workbook; the second has two tumour masks and an `_other` mask."""
    rng = np.random.default_rng(seed)
    folder = root / "BrEaST-Lesions_USG-images_and_masks"
    rows: list[tuple[object, ...]] = []
    for number in range(1, 13):
        label = Label.NORMAL if number % 3 == 0 else CLASSES[number % 2]
        stem = f"case{number:03d}"
        image, mask = draw_scan(rng, label, height=64 + number)
        save(folder / f"{stem}.png", image, "RGBA")
        parts = _tumour_masks(stem, mask, number, label)
        for name, part in parts.items():
            save(folder / name, part)
        other = f"{stem}_other1.png" if number == 2 else None
        if other:
            save(folder / other, np.flipud(mask))
        rows.append((number, f"{stem}.png", "&".join(parts) or None, other, 0.007, 30 + number, "4a", label.value))
    _write_workbook(root / "BrEaST-Lesions-USG-clinical-data.xlsx", rows)


def _tumour_masks(stem: str, mask: Mask, number: int, label: Label) -> dict[str, Mask]:
    if label is Label.NORMAL:
        return {}
    if number != 2:
        return {f"{stem}_tumor.png": mask}
    return {f"{stem}_tumor{k}.png": part for k, part in enumerate(split_mask(mask), start=1)}


def _write_workbook(path: Path, rows: list[tuple[object, ...]]) -> None:
    import openpyxl  # noqa: PLC0415 - slow to import, and only the miniature needs it

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [_COLUMNS, *rows]:
        sheet.append(row)
    with atomic_path(path) as temporary:
        book.save(temporary)
