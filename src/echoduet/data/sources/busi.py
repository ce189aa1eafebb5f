"""BUSI: `<class>/<class> (N).png` with `<class> (N)_mask.png`, `<class> (N)_mask_1.png` beside it.

Al-Dhabyani et al., Data in Brief 28:104863 (2020). Several masks of one image are several lesions or parts of one;
the masks of normals are empty; PNG modes differ from file to file; there are no patients.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.layout import class_folders, require_known_classes
from echoduet.data.miniatures import draw_scan, save, split_mask
from echoduet.data.ordering import natural_key
from echoduet.records import CLASSES, Case, Label

NAME = "busi"
EXPECTED: Counts | None = Counts(benign=437, malignant=210, normal=133, numbered="{label} ({number})")
COMPANIONS: tuple[str, ...] = ()

_FILE = re.compile(r"(?P<case>(?:benign|malignant|normal) \([0-9]+\))(?P<mask>_mask(?:_[0-9]+)?)?\.png", re.IGNORECASE)


def recognise(root: Path) -> bool:
    """Tell whether a class folder holds files named `<class> (N).png`."""
    return any(_FILE.fullmatch(path.name) for folder in class_folders(root).values() for path in folder.iterdir())


def read(root: Path) -> Iterator[Case]:
    """Yield the cases by class and number; an image that only its masks speak of is yielded too, and is missing.

    Raises:
        LayoutError: a folder with images is no class.
    """
    require_known_classes(root)
    for label, folder in class_folders(root).items():
        yield from _read_class(folder, label)


def _read_class(folder: Path, label: Label) -> Iterator[Case]:
    images: dict[str, Path] = {}
    masks: dict[str, tuple[Path, ...]] = defaultdict(tuple)
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.stem)):
        match = _FILE.fullmatch(path.name)
        if match and match["mask"]:
            masks[match["case"]] += (path,)
        elif match:
            images[match["case"]] = path
    for case_id in sorted({*images, *masks}, key=natural_key):
        # What must be there is named even where it is not: whoever opens it says which file is missing.
        image = images.get(case_id, folder / f"{case_id}.png")
        absent = () if label is Label.NORMAL else (folder / f"{case_id}_mask.png",)
        yield Case(case_id, image, masks.get(case_id, absent), label, source=NAME)


def write_miniature(root: Path, seed: int) -> None:
    """Write 14 tiny images: several masks, one beside each normal (empty), and a PNG mode for every taste."""
    rng = np.random.default_rng(seed)
    image_modes, mask_modes = ("L", "RGB", "P", "L", "L"), ("1", "1", "RGBA", "L", "1")
    for label, number in zip(CLASSES, (5, 5, 4), strict=True):
        for n in range(number):
            image, mask = draw_scan(rng, label, width=88 - 4 * n, height=72 + 4 * n)
            stem = root / label / f"{label} ({n + 1})"
            save(stem.with_name(f"{stem.name}.png"), image, image_modes[n])
            parts = list(split_mask(mask)) if n == 1 and label is not Label.NORMAL else [mask]
            for k, part in enumerate(parts):
                save(stem.with_name(f"{stem.name}_mask{f'_{k}' if k else ''}.png"), part, mask_modes[n])
