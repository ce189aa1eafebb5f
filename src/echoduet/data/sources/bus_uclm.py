"""BUS-UCLM: `images/PPPP_NNN.png`, `masks/PPPP_NNN.png`, and the table `INFO.csv`.

Vallez et al., Scientific Data 12 (2025). 683 images of 38 patients (the letters before the underscore). The table is
separated by semicolons and begins with a byte-order mark. A mask's colour is the class: green benign, red malignant;
black is no lesion, so any colour is lesion. Images and masks of patient HESN differ in size: verification names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoduet.data.counts import Counts
from echoduet.data.images import write_png
from echoduet.data.layout import label_of
from echoduet.data.miniatures import draw_scan, save
from echoduet.data.tables import read_csv
from echoduet.files import write_text
from echoduet.records import CLASSES, Case, Label, Mask

NAME = "bus_uclm"
EXPECTED: Counts | None = Counts(benign=174, malignant=90, normal=419)
COMPANIONS: tuple[str, ...] = ("INFO.csv",)

_TABLE = "INFO.csv"
_COLOUR = {Label.BENIGN: (0, 255, 0), Label.MALIGNANT: (255, 0, 0), Label.NORMAL: (0, 0, 0)}


def recognise(root: Path) -> bool:
    """Tell whether the table and the folders `images` and `masks` are there."""
    return (root / _TABLE).is_file() and (root / "images").is_dir() and (root / "masks").is_dir()


def read(root: Path) -> Iterator[Case]:
    """Yield the cases in the order of the table.

    Raises:
        ManifestError: the table cannot be read, or a row's class is unknown.
    """
    for row in read_csv(root / _TABLE, ("image", "label")):
        name = row.needed("image")
        file = name if name.lower().endswith(".png") else f"{name}.png"
        yield Case(
            case_id=Path(file).stem,
            image=root / "images" / file,
            masks=(root / "masks" / file,),
            label=label_of(row.needed("label"), row.where),
            patient=name.split("_")[0],
            source=NAME,
        )


def write_miniature(root: Path, seed: int) -> None:
    """Write 13 tiny images of four patients, with coloured masks; the mask of the last, HESN's, is of another size."""
    rng = np.random.default_rng(seed)
    lines = ["Image;Resolution;Label;Doppler;Marks;Combined"]
    for n in range(13):
        label = CLASSES[n % 3]
        name = f"{'HESN' if n == 12 else ('ALWI', 'ANAT', 'CHVI')[n // 4]}_{n:03d}.png"
        image, mask = draw_scan(rng, label, width=84, height=72)
        save(root / "images" / name, image, "RGB")
        write_png(root / "masks" / name, _coloured(mask[:-8] if n == 12 else mask, label))
        lines.append(f"{name};84x72;{label.value.capitalize()};No;{'Yes' if n % 5 == 0 else 'No'};No")
    write_text(root / _TABLE, "\ufeff" + "\n".join(lines) + "\n")


def _coloured(mask: Mask, label: Label) -> NDArray[np.uint8]:
    return np.where(mask[..., None], np.array(_COLOUR[label], np.uint8), np.uint8(0))
