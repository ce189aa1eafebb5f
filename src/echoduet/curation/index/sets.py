"""Several data sets side by side: how each is called, and what must not be given together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, repeat
from pathlib import Path

from echoduet.data.manifest import Manifest, is_manifest, list_cases, read_manifest
from echoduet.errors import LayoutError, ManifestError
from echoduet.records import Case


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set of a run.

    Attributes:
        name: of its folder or file, with as many folders before it as tell it from the others.
        path: the folder, table or manifest.
        format: the layout asked for; None recognises it.
        listed: its cases, no file of them opened; their ids are the set's own.
        alone: whether it is the only set of the run.
    """

    name: str
    path: Path
    format: str | None
    listed: Manifest
    alone: bool

    @property
    def is_manifest(self) -> bool:
        """Tell whether it was given as a manifest, which knows of its cases only."""
        return self.format is None and self.path.is_file() and is_manifest(self.path)

    def renamed(self) -> Iterator[Case]:
        """Yield its cases as the run knows them.

        A set that is alone keeps its ids. Of several, each puts its name before ids, patients and groups, since two
        sets may use one name for different things, and is the source of its cases.
        """
        for case in self.listed:
            yield case if self.alone else _in_set(case, self.name)

    def list_again(self) -> Manifest:
        """Return its cases as its folder or file lists them now."""
        return _list(self.path, self.format)


def list_sets(data: Sequence[Path], format: str | None = None) -> tuple[DataSet, ...]:
    """List the cases of every data set, without opening an image.

    Args:
        data: folders, tables or manifests.
        format: the layout of all of them; None recognises each.

    Raises:
        LayoutError: a set is given twice or inside another, links lead in a circle, a layout is not recognised, or a
            set has no case.
        ManifestError: an id appears twice in a set, a table is wrong, or two sets list one image.
    """
    _require_apart(data)
    for path in data:
        _require_no_circle(path)
    names = set_names(data)
    sets = tuple(
        DataSet(name, path, format, _list(path, format), len(data) == 1) for name, path in zip(names, data, strict=True)
    )
    _require_own_images(sets)
    return sets


def set_names(data: Sequence[Path]) -> list[str]:
    """Return the shortest name of each path, folders parted by "/", that tells it from the others."""
    paths = [Path(os.path.realpath(path)) for path in data]
    parts = [(*path.parent.parts[1:], path.stem if path.is_file() else path.name) for path in paths]
    lengths = [1] * len(parts)
    while True:
        names = ["/".join(own[-length:]) for own, length in zip(parts, lengths, strict=True)]
        shared = {name for name, count in Counter(names).items() if count > 1}
        longer = [
            length + (name in shared and length < len(own))
            for own, name, length in zip(parts, names, lengths, strict=True)
        ]
        if longer == lengths:
            return names
        lengths = longer


def _list(path: Path, format: str | None) -> Manifest:
    if format is None and path.is_file() and is_manifest(path):
        return read_manifest(path, require_files=False)
    return list_cases(path, format)


def _in_set(case: Case, name: str) -> Case:
    return replace(
        case,
        case_id=f"{name}/{case.case_id}",
        patient=case.patient and f"{name}/{case.patient}",
        group=case.group and f"{name}/{case.group}",
        source=name,
    )


def _require_apart(data: Sequence[Path]) -> None:
    for first, second in combinations(data, 2):
        one, other = Path(os.path.realpath(first)), Path(os.path.realpath(second))
        if one == other:
            raise LayoutError(f"{second}: is the same as {first}. Give each data set once.")
        for inner, outer, named, around in ((other, one, second, first), (one, other, first, second)):
            if outer in inner.parents and inner.is_dir():
                raise LayoutError(f"{named}: lies inside {around}. Give one of the two, or move it out.")


def _require_no_circle(root: Path) -> None:
    """Refuse links to a folder that holds them, and links that lead to each other only."""
    if root.is_symlink() and not root.exists():
        raise LayoutError(f"{root}: is a symbolic link that leads nowhere. Repair the link.")
    for folder, folders, files in os.walk(root):
        for link in (Path(folder, name) for name in folders):
            if link.is_symlink() and _holds(os.path.realpath(link), os.path.realpath(folder)):
                raise LayoutError(f"{link}: is a symbolic link to a folder that holds it. Remove the link.")
        # To the system a link in a circle is no folder. With an extension it is a damaged image, and told as such
        # when it is read; without one it may stand for a class.
        for link in (Path(folder, name) for name in files if "." not in name):
            if link.is_symlink() and not link.exists():
                raise LayoutError(f"{link}: is a symbolic link that leads nowhere. Repair or remove the link.")


def _holds(outer: str, inner: str) -> bool:
    return outer == inner or Path(outer) in Path(inner).parents


def _require_own_images(sets: Sequence[DataSet]) -> None:
    """Refuse sets that list one image both: it would be taken for a copy of itself."""
    if len(sets) == 1:
        return
    folders: dict[Path, Path] = {}
    owner: dict[Path, DataSet] = {}
    for one, case in chain.from_iterable(zip(repeat(one), one.listed) for one in sets):
        parent = case.image.parent
        if parent not in folders:  # to follow every link of every path would take longer than all the rest here
            folders[parent] = parent.resolve()
        file = folders[parent] / case.image.name
        other = owner.setdefault(file.resolve() if file.is_symlink() else file, one)
        if other is not one:
            raise ManifestError(f"{case.image}: is listed by {other.path} and by {one.path}. Give one of the two.")
