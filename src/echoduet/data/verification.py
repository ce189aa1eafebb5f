"""Verification: every file of a data set opened and decoded, and each that is off named."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from echoduet.data.counts import SUBSET_BELOW, Counts
from echoduet.data.formats import SOURCES
from echoduet.data.images import read_colour_and_gray
from echoduet.data.manifest import Manifest, in_threads, list_cases, require_mask, require_usable_size, sha256_of
from echoduet.data.masks import read_mask, require_image_size
from echoduet.errors import ImageError, ManifestError
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, Case, ColourImage, GrayImage, Mask

ALWAYS_WELCOME = ("readme*", "license*", "*.md", "*.txt", "manifest*.csv", "thumbs.db", "desktop.ini")
"""Files (patterns, lower case) that may lie in any data set."""


class Trouble(StrEnum):
    """What is wrong with a file or a data set."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    SIZE = "size"
    CHANGED = "changed"
    UNEXPECTED = "unexpected"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is off: what kind, which file (or the data set's folder), and a sentence that names it."""

    trouble: Trouble
    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification.

    Attributes:
        usable: the cases of which every file is as it should be, with size and SHA-256.
        problems: what is off, in the order of the cases, then unexpected files and counts.
        notes: what is worth knowing and no problem.
    """

    usable: Manifest
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether nothing is off."""
        return not self.problems


def verify(data: Path | Manifest, format: str | None = None, progress: Progress = silent) -> Report:
    """Open every file of a data set and say what is missing, unreadable, wrongly sized, changed or unexpected.

    Args:
        data: a data-set folder or table, or a manifest, whose SHA-256 sums are then compared.
        format: name of the layout of a folder; None recognises it.
        progress: shows how far the files are read.

    Raises:
        LayoutError: the layout is not recognised, or there is no case.
        ManifestError: an id appears twice, or a table of the data set is wrong.
    """
    manifest = data if isinstance(data, Manifest) else list_cases(data, format)
    examined = in_threads(_verified, manifest.cases, progress, "verifying files")
    problems = [problem for _, found in examined for problem in found]
    usable = manifest.with_cases(case for case, found in examined if not found)
    if isinstance(data, Manifest):
        return Report(usable, tuple(problems))
    strange, notes = survey(data, manifest)
    return Report(usable, (*problems, *strange), notes)


def survey(root: Path, listed: Manifest) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Return the files of a data set that no case refers to and classes of unexpected size, and notes on the counts.

    Args:
        root: the data-set folder or table.
        listed: its cases, as `list_cases` gives them.
    """
    problems, notes = _counts(root, listed)
    return (*_unexpected(root, listed), *problems), notes


def _verified(case: Case) -> tuple[Case, tuple[Problem, ...]]:
    """Return the case with size and SHA-256, and what is wrong with its files."""
    try:
        require_mask(case)
    except ManifestError as error:
        return case, (Problem(Trouble.MISSING, case.image, str(error)),)
    examination = examine(case)
    return examination.case, examination.problems


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """One case of which every file was opened and decoded once.

    Attributes:
        case: with the size and SHA-256 of its image, where that could be read.
        colour, gray: the image, `(H, W, 3)` and `(H, W)`; None where it cannot be read.
        mask: the union of the masks that fit it, `(H, W)`; None without an image.
        problems: what is off.
    """

    case: Case
    colour: ColourImage | None
    gray: GrayImage | None
    mask: Mask | None
    problems: tuple[Problem, ...]


def examine(case: Case) -> Examination:
    """Decode the image and the masks of a case, and say what is wrong with them."""
    try:
        colour, gray = read_colour_and_gray(case.image)
        seen = replace(case, width=gray.shape[1], height=gray.shape[0], sha256=sha256_of(case.image))
    except ImageError as error:
        # Without the image's size nothing can be said about its masks, but their damage and absence can.
        masks = [problem for mask in case.masks for problem in _examine_mask(mask, case.image, None)]
        return Examination(case, None, None, None, (_failure(case.image, error), *masks))
    union = np.zeros(gray.shape, dtype=np.bool_)
    masks = [problem for mask in case.masks for problem in _examine_mask(mask, case.image, union)]
    return Examination(seen, colour, gray, union, (*_examine_image(case, seen), *masks))


def _examine_image(listed: Case, seen: Case) -> Iterator[Problem]:
    try:
        require_usable_size(seen.image, (seen.width, seen.height))
    except ImageError as error:
        yield Problem(Trouble.SIZE, seen.image, str(error))
    if listed.sha256 and listed.sha256 != seen.sha256:
        message = f"{seen.image}: has changed since the manifest was written. Restore it, or write the manifest anew."
        yield Problem(Trouble.CHANGED, seen.image, message)


def _examine_mask(path: Path, image: Path, union: Mask | None) -> Iterator[Problem]:
    """Yield what is wrong with a mask; add one that is as it should be to the union of its image's masks."""
    try:
        mask = read_mask([path], None)
    except ImageError as error:
        yield _failure(path, error, f" It is a mask of {image.name}.")
        return
    if union is None:
        return
    try:
        require_image_size(path, mask.shape[::-1], union.shape[::-1])
        union |= mask
    except ImageError as error:
        yield Problem(Trouble.SIZE, path, str(error))


def _failure(path: Path, error: ImageError, context: str = "") -> Problem:
    return Problem(Trouble.UNREADABLE if path.exists() else Trouble.MISSING, path, f"{error}{context}")


def _unexpected(root: Path, manifest: Manifest) -> list[Problem]:
    """Return the files under `root` that no case refers to and that the layout does not know."""
    claimed = {file.absolute() for case in manifest for file in (case.image, *case.masks)}
    welcome = (*ALWAYS_WELCOME, *(pattern.lower() for pattern in SOURCES[manifest.source].COMPANIONS))
    strangers = (path for path in _files(root) if path.absolute() not in claimed and not _matches(path, welcome))
    return [
        Problem(Trouble.UNEXPECTED, path, f"{path}: no case refers to this file. Check its name, or move it out.")
        for path in strangers
    ]


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if not hidden and path.is_file():
            yield path


def _matches(path: Path, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path.name.lower(), pattern) for pattern in patterns)


def _counts(root: Path, manifest: Manifest) -> tuple[list[Problem], tuple[str, ...]]:
    """Compare with the published counts: problems where the set is nearly whole, a note where it is a subset."""
    expected, found = SOURCES[manifest.source].EXPECTED, Counts.of(manifest)
    if expected is None or found == replace(expected, numbered=None):
        return [], ()
    if found.total < SUBSET_BELOW * expected.total:
        return [], (f"{root}: {found.total} of {expected.total} published images ({expected}); taken for a subset.",)
    return list(_miscounts(root, manifest, expected, found)), ()


def _miscounts(root: Path, manifest: Manifest, expected: Counts, found: Counts) -> Iterator[Problem]:
    present = {case.case_id for case in manifest}
    for label in CLASSES:
        if found.of_label(label) != expected.of_label(label):
            absent = expected.missing_ids(label, present)
            names = f" Missing: {', '.join(absent)}." if absent else ""
            numbers = f"{found.of_label(label)} {label} images, published are {expected.of_label(label)}"
            yield Problem(Trouble.COUNT, root, f"{root}: {numbers}.{names}")
