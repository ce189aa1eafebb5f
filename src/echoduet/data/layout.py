"""What the layouts have in common: class folders, images in them, and names that are no trouble anywhere."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from echoduet.data.images import is_image_name
from echoduet.data.ordering import natural_key
from echoduet.errors import LayoutError, ManifestError
from echoduet.records import CLASSES, Case, Label


def class_folders(root: Path) -> dict[Label, Path]:
    """Return the class folders directly under `root`, in the order of the classes, upper or lower case."""
    names = {folder.name.lower(): folder for folder in folders(root)}
    return {label: names[label] for label in CLASSES if label in names}


def require_known_classes(root: Path, besides: frozenset[str] = frozenset()) -> None:
    """Refuse folders with images under `root` that are neither a class nor named in `besides` (lower case).

    Raises:
        LayoutError: there is one; its images would be lost without a word.
    """
    for folder in folders(root):
        if folder.name.lower() not in {*CLASSES, *besides} and images_in(folder):
            raise LayoutError(
                f"{folder}: unknown class folder. Rename it to benign, malignant or normal, or move it out of {root}."
            )


def folders(root: Path) -> list[Path]:
    """Return the visible folders directly under `root`, in natural order; none when `root` is no folder."""
    found = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: natural_key(path.name))


def images_in(folder: Path) -> list[Path]:
    """Return the visible files with an image's extension directly in `folder`, in natural order of their names."""
    found = [path for path in folder.iterdir() if is_image_name(path)] if folder.is_dir() else []
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: natural_key(path.stem))


def label_of(text: str, where: str) -> Label:
    """Return the class that `text` names, in upper or lower case.

    Raises:
        ManifestError: it names none; the message begins with `where`.
    """
    try:
        return Label(text.strip().lower())
    except ValueError as error:
        raise ManifestError(f"{where}: the class '{text}' is none of {', '.join(CLASSES)}. Correct it.") from error


def masks_by_case(paths: Iterable[Path], pattern: re.Pattern[str]) -> dict[str, tuple[Path, ...]]:
    """Group the files whose stem matches `pattern` by its group `case`, keeping their order."""
    found: dict[str, tuple[Path, ...]] = defaultdict(tuple)
    for path in paths:
        if match := pattern.fullmatch(path.stem):
            found[match["case"]] += (path,)
    return dict(found)


def paired(
    images: Iterable[Path],
    masks: Mapping[str, tuple[Path, ...]],
    label: Label,
    source: str,
    mask_of: Callable[[Path], Path] | None = None,
) -> Iterator[Case]:
    """Yield a case for each image, in natural order, with the masks found under its stem.

    `mask_of` tells where the mask of a lesion must be: where none is found, that file will be named as missing.
    """
    for image in sorted(images, key=lambda path: natural_key(path.stem)):
        required = () if mask_of is None or label is Label.NORMAL else (mask_of(image),)
        yield Case(image.stem, image, masks.get(image.stem, required), label, source=source)


def orphans(images: Iterable[Path], masks: Mapping[str, tuple[Path, ...]], folder: Path) -> list[Path]:
    """Return the paths in `folder` where the images of masks without an image should be.

    Such a case is read too: whoever opens its image will name the file that is missing.
    """
    stems = {image.stem for image in images}
    return [folder / f"{case_id}.png" for case_id in masks if case_id not in stems]
