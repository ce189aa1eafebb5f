"""A plain folder: `<class>/` with images, and masks by suffix beside them or in a parallel folder.

Understood are `<class>/x.png` with `<class>/x_mask.png` (`_mask_1`, `-seg`, `_gt` ...), and masks under
`masks/<class>/`, `<class>/masks/` or `masks/` (or `labels`, `gt`, `annotations` ...), named as the image, with or
without such a suffix. Images may also lie under `images/<class>/` or `<class>/images/`. Normals need no mask.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from echoduet.data.counts import Counts
from echoduet.data.layout import (
    class_folders,
    folders,
    images_in,
    masks_by_case,
    orphans,
    paired,
    require_known_classes,
)
from echoduet.data.miniatures import draw_scan, save, split_mask
from echoduet.records import CLASSES, Case, Label

NAME = "folder"
EXPECTED: Counts | None = None
COMPANIONS: tuple[str, ...] = ()

MASK_FOLDERS = frozenset({"masks", "mask", "labels", "label", "gt", "groundtruth", "ground_truth", "annotations"})
IMAGE_FOLDERS = frozenset({"images", "image", "img"})

_SUFFIX = r"[_ -](?:mask|seg|segmentation|gt)(?:[_ -]?[0-9]+)?"
_MASK_BESIDE = re.compile(rf"(?P<case>.+?){_SUFFIX}", re.IGNORECASE)
_MASK_PARALLEL = re.compile(rf"(?P<case>.+?)(?:{_SUFFIX})?", re.IGNORECASE)


def recognise(root: Path) -> bool:
    """Tell whether a folder of a class holds an image."""
    return any(images_in(folder) for label in CLASSES for folder in _image_folders(root, label))


def read(root: Path) -> Iterator[Case]:
    """Yield the cases by class and name; an image that only its mask speaks of is yielded too, and is missing.

    Raises:
        LayoutError: a folder with images is neither a class nor known to hold masks.
    """
    for home in _homes(root):
        require_known_classes(home, MASK_FOLDERS | IMAGE_FOLDERS)
    anywhere = masks_by_case(_files(_named(root, MASK_FOLDERS)), _MASK_PARALLEL)
    for label in CLASSES:
        image_folders = _image_folders(root, label)
        files = _files(image_folders)
        images = [path for path in files if not _MASK_BESIDE.fullmatch(path.stem)]
        parallel = masks_by_case(_files(_mask_folders(root, label)), _MASK_PARALLEL)
        own = _united(masks_by_case(files, _MASK_BESIDE), parallel)
        absent = orphans(images, own, image_folders[0]) if image_folders else []
        yield from paired([*images, *absent], _united(own, anywhere), label, NAME)


def _homes(root: Path) -> list[Path]:
    return [root, *_named(root, IMAGE_FOLDERS)]


def _image_folders(root: Path, label: Label) -> list[Path]:
    classes = _class_folders(_homes(root), label)
    return [*classes, *(inner for folder in classes for inner in _named(folder, IMAGE_FOLDERS))]


def _mask_folders(root: Path, label: Label) -> list[Path]:
    inner = (folder for parent in _class_folders(_homes(root), label) for folder in _named(parent, MASK_FOLDERS))
    return [*_class_folders(_named(root, MASK_FOLDERS), label), *inner]


def _class_folders(parents: Iterable[Path], label: Label) -> list[Path]:
    found = (class_folders(parent) for parent in parents)
    return [classes[label] for classes in found if label in classes]


def _named(parent: Path, names: frozenset[str]) -> list[Path]:
    return [folder for folder in folders(parent) if folder.name.lower() in names]


def _files(parents: Iterable[Path]) -> list[Path]:
    return [path for folder in parents for path in images_in(folder)]


def _united(*found: Mapping[str, tuple[Path, ...]]) -> dict[str, tuple[Path, ...]]:
    masks: dict[str, tuple[Path, ...]] = defaultdict(tuple)
    for part in found:
        for case_id, paths in part.items():
            masks[case_id] += paths
    return dict(masks)


def write_miniature(root: Path, seed: int) -> None:
    """Write 12 tiny images: JPEG with masks by suffix, BMP with masks in a parallel folder, TIFF without masks."""
    rng = np.random.default_rng(seed)
    for n in range(4):
        image, mask = draw_scan(rng, Label.BENIGN)
        save(root / "benign" / f"cyst {n}.jpg", image, "RGB")
        for k, part in enumerate(split_mask(mask) if n == 0 else [mask]):
            save(root / "benign" / f"cyst {n}_mask{k or ''}.png", part)
        image, mask = draw_scan(rng, Label.MALIGNANT)
        save(root / "malignant" / f"tumour {n}.bmp", image)
        save(root / "masks" / "malignant" / f"tumour {n}.png", mask, "1")
        image, _ = draw_scan(rng, Label.NORMAL)
        save(root / "normal" / f"tissue {n}.tif", image)
