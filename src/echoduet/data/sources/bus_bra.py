"""BUS-BRA: `Images/bus_NNNN-{l,r,s}.png`, `Masks/mask_NNNN-{l,r,s}.png`, and the table `bus_data.csv`.

Gómez-Flores et al., Medical Physics 51:3110 (2024). 1875 images of 1064 patients (column `Case`), no normals. In four
rows the table's height is not the file's: sizes are taken from the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.layout import label_of
from echoduet.data.miniatures import draw_scan, save
from echoduet.data.tables import read_csv
from echoduet.files import write_csv
from echoduet.records import Case, Label

NAME = "bus_bra"
EXPECTED: Counts | None = Counts(benign=1268, malignant=607, normal=0)
COMPANIONS: tuple[str, ...] = ("bus_data.csv", "5-fold-cv.csv", "10-fold-cv.csv")

_TABLE = "bus_data.csv"
_COLUMNS = ("ID", "Case", "Histology", "Pathology", "BIRADS", "Device", "Width", "Height", "Side", "BBOX")
_FOLD_COLUMNS = ("ID", "Pathology", "kFold", *(f"valid_{n}" for n in range(1, 6)))


def recognise(root: Path) -> bool:
    """Tell whether the table and the folder `Images` are there."""
    return (root / _TABLE).is_file() and (root / "Images").is_dir()


def read(root: Path) -> Iterator[Case]:
    """Yield the cases in the order of the table.

    Raises:
        ManifestError: the table cannot be read, or a row's class is neither benign nor malignant.
    """
    for row in read_csv(root / _TABLE, ("id", "case", "pathology")):
        case_id = row.needed("id")
        yield Case(
            case_id=case_id,
            image=root / "Images" / f"{case_id}.png",
            masks=(root / "Masks" / f"{case_id.replace('bus_', 'mask_', 1)}.png",),
            label=label_of(row.needed("pathology"), row.where),
            patient=row.needed("case"),
            source=NAME,
        )


def write_miniature(root: Path, seed: int) -> None:
    """Write 12 tiny images of 8 patients, four of them seen from two sides; one row's height is not its file's."""
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(1, 9):
        label = Label.BENIGN if patient % 2 else Label.MALIGNANT
        for side in ("l", "r") if patient <= 4 else ("s",):
            image, mask = draw_scan(rng, label, width=80 + patient, height=72)
            name = f"{patient:04d}-{side}"
            save(root / "Images" / f"bus_{name}.png", image)
            save(root / "Masks" / f"mask_{name}.png", mask, "1")
            height = 70 if patient == 8 else 72
            rows.append(_row(f"bus_{name}", patient, label, 80 + patient, height, rng))
    write_csv(root / _TABLE, _COLUMNS, rows)
    folds = [{"ID": row["ID"], "Pathology": row["Pathology"], "kFold": int(str(row["Case"])) % 5 + 1} for row in rows]
    write_csv(root / "5-fold-cv.csv", _FOLD_COLUMNS, folds)


def _row(
    case_id: str, patient: int, label: Label, width: int, height: int, rng: np.random.Generator
) -> dict[str, object]:
    malignant = label is Label.MALIGNANT
    return {
        "ID": case_id,
        "Case": patient,
        "Histology": "Invasive ductal carcinoma" if malignant else "Fibroadenoma",
        "Pathology": label,
        "BIRADS": int(rng.integers(4, 6) if malignant else rng.integers(2, 4)),
        "Device": "GE Logiq 7",
        "Width": width,
        "Height": height,
        "Side": "left" if case_id.endswith("l") else "right",
        "BBOX": "[20, 20, 30, 30]",
    }
