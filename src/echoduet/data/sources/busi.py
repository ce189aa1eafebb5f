"""BUSI: `<class>/<class> (N).png` with `<class> (N)_mask.png`, `<class> (N)_mask_1.png` beside it.

Al-Dhabyani et al., Data in Brief 28:104863 (2020). Several masks of one image are several lesions or parts of one;
the masks of normals are empty; PNG modes differ from file to file; there are no patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.layout import class_folders, images_in, masks_by_case, orphans, paired, require_known_classes
from echoduet.data.miniatures import draw_scan, save, split_mask
from echoduet.records import CLASSES, Case, Label

NAME = "busi"
EXPECTED: Counts | None = Counts(benign=437, malignant=210, normal=133, numbered="{label} ({number})")
COMPANIONS: tuple[str, ...] = ("duplicates.csv",)  # phantoms tell there which scan is a copy of which

_IMAGE = re.compile(r"(?:benign|malignant|normal) \([0-9]+\)")
_MASK = re.compile(rf"(?P<case>{_IMAGE.pattern})_mask(?:_[0-9]+)?")


def recognise(root: Path) -> bool:
    """Tell whether a class folder holds files named `<class> (N).png`."""
    return any(_IMAGE.fullmatch(path.stem) for folder in class_folders(root).values() for path in images_in(folder))


def read(root: Path) -> Iterator[Case]:
    """Yield the cases by class and number; an image that only its masks speak of is yielded too, and is missing.

    Raises:
        LayoutError: a folder with images is no class.
    """
    require_known_classes(root)
    for label, folder in class_folders(root).items():
        files = images_in(folder)
        images = [path for path in files if _IMAGE.fullmatch(path.stem)]
        masks = masks_by_case(files, _MASK)
        yield from paired([*images, *orphans(images, masks, folder)], masks, label, NAME, _mask_of)


def _mask_of(image: Path) -> Path:
    return image.with_name(f"{image.stem}_mask.png")


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
