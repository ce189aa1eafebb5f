"""The manifest: one row a case, the one thing that every later step reads."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from echoduet.data.formats import source_of
from echoduet.data.images import MAX_PIXELS, image_size
from echoduet.data.masks import require_image_size
from echoduet.data.ordering import in_order
from echoduet.data.tables import case_of, read_csv
from echoduet.errors import ImageError, LayoutError, ManifestError
from echoduet.files import write_csv
from echoduet.progress import Progress, silent
from echoduet.records import Case, Label

T = TypeVar("T")
R = TypeVar("R")

COLUMNS = ("case_id", "image", "masks", "label", "patient", "group", "source", "width", "height", "sha256")
"""The columns of a manifest file."""

MIN_SIDE = 8
"""Shortest image side, in pixels, in which a lesion could be seen at all."""


@dataclass(frozen=True)
class Manifest:
    """Cases in their one order: class (benign, malignant, normal), then natural order of the ids.

    Attributes:
        cases: each id once; they are put in order here.
        source: the layout or the file they were read from.

    Raises:
        ManifestError: two cases have one id.
    """

    cases: tuple[Case, ...]
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "cases", in_order(self.cases))
        seen: dict[str, Case] = {}
        for case in self.cases:
            if case.case_id in seen:
                first = seen[case.case_id].image
                raise ManifestError(f"{case.image}: has the id '{case.case_id}' of {first}. Rename one of the two.")
            seen[case.case_id] = case

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @cached_property
    def _by_id(self) -> dict[str, Case]:
        return {case.case_id: case for case in self.cases}

    def case(self, case_id: str) -> Case:
        """Return the case of that id.

        Raises:
            ManifestError: there is none.
        """
        if case_id not in self._by_id:
            near = difflib.get_close_matches(case_id, self._by_id, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise ManifestError(f"{self.source or 'manifest'}: has no case '{case_id}'{hint}")
        return self._by_id[case_id]

    def select(self, case_ids: Iterable[str]) -> Manifest:
        """Return the manifest of those cases only, in the manifest's order.

        Raises:
            ManifestError: an id is unknown.
        """
        return self.with_cases(self.case(case_id) for case_id in dict.fromkeys(case_ids))

    def with_cases(self, cases: Iterable[Case]) -> Manifest:
        """Return a manifest of the same source with other cases."""
        return Manifest(tuple(cases), self.source)


def open_data(path: Path, format: str | None = None, progress: Progress = silent) -> Manifest:
    """Return the cases of a manifest file, or of a data-set folder or table.

    Args:
        path: a manifest (.csv), or what `build_manifest` takes.
        format: name of the layout; None recognises it.
        progress: shows how far the files are read.

    Raises:
        DataError: the data cannot be used as they are.
    """
    if path.is_file() and format is None and is_manifest(path):
        return read_manifest(path)
    return build_manifest(path, format, progress)


def build_manifest(root: Path, format: str | None = None, progress: Progress = silent) -> Manifest:
    """Read the cases of a data set, with the size and SHA-256 of each image.

    Only headers are read, no pixel is decoded: `verification.verify` does that.

    Raises:
        LayoutError: the layout is not recognised, or there is no case.
        ImageError: an image or mask is missing, unreadable or wrongly sized.
        ManifestError: an id appears twice, or a lesion has no mask.
    """
    manifest = list_cases(root, format)
    return manifest.with_cases(in_threads(measured, manifest.cases, progress, "reading files"))


def list_cases(root: Path, format: str | None = None) -> Manifest:
    """List the cases of a data set by the names of its files, without opening an image.

    Raises:
        LayoutError: the layout is not recognised, or there is no case.
        ManifestError: an id appears twice, or a table of the data set is wrong.
    """
    source = source_of(root, format)
    cases = tuple(source.read(root))
    if not cases:
        raise LayoutError(f"{root}: holds no case of the layout {source.NAME}. Check the path, or name the --format.")
    return Manifest(cases, source.NAME)


def measured(case: Case) -> Case:
    """Return the case with size and SHA-256 of its image file, after a look at every header.

    Raises:
        ImageError: an image or mask is missing, unreadable, wrongly sized, too small or too large.
        ManifestError: a lesion has no mask.
    """
    require_mask(case)
    size = image_size(case.image)
    require_usable_size(case.image, size)
    for mask in case.masks:
        require_image_size(mask, image_size(mask), size)
    return replace(case, width=size[0], height=size[1], sha256=sha256_of(case.image))


def require_usable_size(path: Path, size: tuple[int, int]) -> None:
    """Refuse images, `(width, height)`, with a side below `MIN_SIDE` or more pixels than are ever decoded.

    Raises:
        ImageError: it is one.
    """
    if min(size) < MIN_SIDE or size[0] * size[1] > MAX_PIXELS:
        fault = "too small to show anything" if min(size) < MIN_SIDE else f"more than the {MAX_PIXELS:,} that are read"
        raise ImageError(f"{path}: {size[0]}x{size[1]} pixels, {fault}. Leave its case out.")


def require_mask(case: Case) -> None:
    """Refuse a lesion without a mask: it would be taught as an empty one.

    Raises:
        ManifestError: the case is one.
    """
    if case.label is not Label.NORMAL and not case.masks:
        raise ManifestError(f"{case.image}: is {case.label} but has no mask. Add its mask, or take its case out.")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hexadecimal.

    Raises:
        ImageError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}). Restore the file.") from error


def in_threads(work: Callable[[T], R], items: Sequence[T], progress: Progress, label: str) -> list[R]:
    """Return the results of `work` in the order of `items`; decoding and hashing release the interpreter's lock."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(progress(pool.map(work, items), label=label, total=len(items)))


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write the manifest as CSV, atomically; paths are relative to its folder, so that both can move together.

    Raises:
        ManifestError: a mask's path holds a semicolon, which separates masks.
        OutputError: the file cannot be written.
    """
    write_csv(path, COLUMNS, [_row(case, path.absolute().parent) for case in manifest])


def _row(case: Case, folder: Path) -> dict[str, object]:
    masks = [_relative(mask, folder) for mask in case.masks]
    if any(";" in mask for mask in masks):
        raise ManifestError(f"{case.masks[0]}: a semicolon cannot stand in the path of a mask. Rename the file.")
    row = {column: getattr(case, column) for column in COLUMNS}
    return row | {"image": _relative(case.image, folder), "masks": ";".join(masks)}


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # another drive on Windows: nothing relative leads there
        return path.absolute().as_posix()


def is_manifest(path: Path) -> bool:
    """Tell whether a file begins with a manifest's first columns."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.readline(1000).replace(";", ",").lower().startswith("case_id,image,")
    except (OSError, UnicodeDecodeError):
        return False


def read_manifest(path: Path, require_files: bool = True) -> Manifest:
    """Read a manifest; relative paths start at its folder.

    Args:
        path: the CSV file.
        require_files: whether every image and mask must be there, and a mask for each lesion; verification looks
            for itself.

    Raises:
        ManifestError: a column or file is missing, a cell is wrong, an id appears twice, or there is no row.
    """
    rows = read_csv(path, ("case_id", "image", "masks", "label"))
    if not rows:
        raise ManifestError(f"{path}: has no case. Write it again with `echoduet manifest`.")
    cases: dict[str, Case] = {}
    for row in rows:
        case = case_of(row, path.absolute().parent)
        if row.needed("case_id") in cases:
            raise ManifestError(f"{row.where}: the id '{case.case_id}' appeared before. Remove one of the two rows.")
        if require_files:
            _require_files(case, row.where)
            require_mask(case)
        cases[case.case_id] = case
    return Manifest(tuple(cases.values()), str(path))


def _require_files(case: Case, where: str) -> None:
    for file in (case.image, *case.masks):
        if not file.is_file():
            raise ManifestError(f"{where}: {file} is missing. Restore the file, or remove the row.")
