"""Curated BUSI as released: `images/<class>_id_<n>.png` and `masks/<class>_id_<n>_mask.png`.

Aumente-Maestro et al., CMPB 260:108540 (2025), Zenodo 10.5281/zenodo.19047974: BUSI without the images that have a
duplicate; the numbers are those of BUSI, with gaps. Masks of one image are already united; those of normals are empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.layout import images_in, masks_by_case, orphans, paired
from echoduet.data.miniatures import draw_scan, save
from echoduet.records import CLASSES, Case

NAME = "curated_busi"
EXPECTED: Counts | None = Counts(benign=222, malignant=164, normal=64)
COMPANIONS: tuple[str, ...] = ("mapping*.csv",)

_IMAGE = re.compile(r"(?P<label>benign|malignant|normal)_id_[0-9]+")
_MASK = re.compile(rf"(?P<case>{_IMAGE.pattern})(?:_mask(?:_[0-9]+)?)?")


def recognise(root: Path) -> bool:
    """Tell whether `images/` holds files named `<class>_id_<n>`."""
    return any(_IMAGE.fullmatch(path.stem) for path in images_in(root / "images"))


def read(root: Path) -> Iterator[Case]:
    """Yield the cases by class and number; an image that only its mask speaks of is yielded too, and is missing."""
    masks = masks_by_case(images_in(root / "masks"), _MASK)
    images = [path for path in images_in(root / "images") if _IMAGE.fullmatch(path.stem)]
    everything = [*images, *orphans(images, masks, root / "images")]
    for label in CLASSES:
        yield from paired([path for path in everything if path.name.startswith(label)], masks, label, NAME, _mask_of)


def _mask_of(image: Path) -> Path:
    return image.parent.with_name("masks") / f"{image.stem}_mask.png"


def write_miniature(root: Path, seed: int) -> None:
    """Write 12 tiny images, four of each class, with gaps in the numbers."""
    rng = np.random.default_rng(seed)
    for label in CLASSES:
        for n in (2, 3, 10, 21):
            image, mask = draw_scan(rng, label, width=72 + n)
            save(root / "images" / f"{label}_id_{n}.png", image)
            save(root / "masks" / f"{label}_id_{n}_mask.png", mask)
