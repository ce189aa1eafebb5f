"""Which files to predict, and under which names their outputs are kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from echoduet.data.dicom.sniffing import DICOM_SUFFIXES, HEAD_BYTES, looks_like_dicom
from echoduet.data.images import IMAGE_SUFFIXES, is_image_name
from echoduet.data.ordering import natural_key
from echoduet.errors import DataError

LONGEST_NAME = 200
"""Bytes of an output's name, at most: with the number of a frame and a suffix it stays below what file systems take."""

_FRAME = re.compile(r"(?P<file>.+)-f\d{3,}")
_REFERENCE_MASK = re.compile(r"(?P<image>.+)_(?:mask|tumor|other)_?\d*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One image to predict; `name` is unique in its run and names the outputs."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Inputs:
    """The images to predict, and the reference masks found beside them, which are left out."""

    files: tuple[InputFile, ...]
    masks_left_out: tuple[Path, ...]


def find_inputs(paths: Sequence[Path], out: Path | None = None) -> Inputs:
    """Find the images behind `paths`: files as named, folders with all their subfolders.

    In a folder, files that are neither images nor DICOM (told by their suffix or, where that is none or a number,
    by their content), hidden files, files under `out` and reference masks (`x_mask.png` beside `x.png`, as data sets
    have them) are left out. A file that is missing or no image is kept: whoever reads it can say so.

    Raises:
        DataError: the paths hold no image at all.
    """
    found = tuple(dict.fromkeys(path for given in paths for path in _expand(given, out)))
    named = frozenset(paths)
    masks = tuple(path for path in found if path not in named and _is_reference_mask(path))
    left_out = frozenset(masks)
    images = _drop_repeats(path for path in found if path not in left_out)
    if not images:
        places = ", ".join(str(path) for path in paths)
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES | DICOM_SUFFIXES))
        raise DataError(
            f"{places}: no image found ({suffixes}, or DICOM without a suffix). Give images, or folders that hold some."
        )
    names = name_outputs(images)
    return Inputs(tuple(InputFile(name, path) for name, path in zip(names, images, strict=True)), masks)


def _expand(given: Path, out: Path | None) -> Iterator[Path]:
    if not given.is_dir():
        yield given
        return
    barred = out.resolve() if out else None
    for path in sorted(given.rglob("*"), key=lambda path: natural_key(path.as_posix())):
        inside = path.relative_to(given).parts
        if any(part.startswith(".") for part in inside) or not path.is_file() or not _is_picture(path):
            continue
        if barred is None or not path.resolve().is_relative_to(barred):
            yield path


def _is_picture(path: Path) -> bool:
    if path.suffix and not path.suffix[1:].isdigit():  # archives name files by their UID: 1.2.840.4711
        return is_image_name(path) or path.suffix.lower() in DICOM_SUFFIXES
    try:
        with path.open("rb") as stream:
            return looks_like_dicom(stream.read(HEAD_BYTES))
    except OSError:  # nothing tells that it is a picture
        return False


def _is_reference_mask(path: Path) -> bool:
    match = _REFERENCE_MASK.fullmatch(path.stem)
    return match is not None and path.with_name(match["image"] + path.suffix).exists()


def _drop_repeats(paths: Iterable[Path]) -> tuple[Path, ...]:
    by_place = {path.resolve(): path for path in reversed(list(paths))}
    return tuple(reversed(by_place.values()))


def name_outputs(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return one name per path, all different even where upper and lower case count as one.

    The stem where that is enough; with the suffix where two files of one folder differ in nothing else
    (`scan_png`, `scan_jpg`); then with as many folders before it as needed (`ward_a__scan`); then with a number. A name
    that could be that of another file's frame (`loop-f001` beside `loop`) gets a number too. What is longer than
    `LONGEST_NAME` loses its end.
    """
    in_folder = Counter(_folded(path.with_suffix("")) for path in paths)
    stems = [path.stem if in_folder[_folded(path.with_suffix(""))] == 1 else _with_suffix(path) for path in paths]
    folders = [[part for part in path.parent.parts if part not in (path.anchor, ".", "..")] for path in paths]
    depths = [0] * len(paths)
    while True:
        names = ["__".join([*f[len(f) - d :], stem]) for stem, f, d in zip(stems, folders, depths, strict=True)]
        clashing = [index for index in _repeated(names) if depths[index] < len(folders[index])]
        if not clashing:
            return tuple(_numbered([_shortened(name) for name in names]))
        for index in clashing:
            depths[index] += 1


def _folded(path: Path) -> str:
    return path.as_posix().casefold()


def _with_suffix(path: Path) -> str:
    return f"{path.stem}_{path.suffix[1:].lower()}"


def _shortened(name: str) -> str:
    encoded = name.encode("utf-8", "surrogateescape")
    return name if len(encoded) <= LONGEST_NAME else encoded[:LONGEST_NAME].decode("utf-8", "ignore")


def _repeated(names: Sequence[str]) -> Iterator[int]:
    counts = Counter(name.casefold() for name in names)
    return (index for index, name in enumerate(names) if counts[name.casefold()] > 1)


def _numbered(names: Sequence[str]) -> Iterator[str]:
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    for name in names:
        free, number = name, 2
        while free.casefold() in seen or (free != name and free.casefold() in taken) or _is_frame_of(free, taken):
            free, number = f"{name}-{number}", number + 1
        seen.add(free.casefold())
        yield free


def _is_frame_of(name: str, files: set[str]) -> bool:
    frame = _FRAME.fullmatch(name)
    return frame is not None and frame["file"].casefold() in files
