"""The data-set layouts that are known, and which of them a folder has."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from echoduet.data.counts import Counts
from echoduet.data.sources import SOURCES as _MODULES
from echoduet.errors import LayoutError
from echoduet.records import Case


class Source(Protocol):
    """A reader of one layout: a module of `data.sources`.

    `COMPANIONS` are patterns of the files, besides images and masks of cases, that belong to the data set.
    """

    NAME: str
    EXPECTED: Counts | None
    COMPANIONS: tuple[str, ...]

    def recognise(self, root: Path) -> bool:
        """Tell whether `root` has this layout."""
        ...

    def read(self, root: Path) -> Iterator[Case]:
        """Yield its cases."""
        ...

    def write_miniature(self, root: Path, seed: int) -> None:
        """Write a dozen tiny images in this layout."""
        ...


SOURCES: Mapping[str, Source] = MappingProxyType({module.NAME: module for module in _MODULES})
"""Every reader by its name, the most particular layout first."""


def source_of(root: Path, format: str | None = None) -> Source:
    """Return the reader for `root`: the one named `format`, or the first that recognises the folder.

    Raises:
        LayoutError: the folder is missing, no reader recognises it, or there is none of that name.
    """
    if format is not None and format not in SOURCES:
        near = difflib.get_close_matches(format, SOURCES, n=1, cutoff=0.0)[0]
        raise LayoutError(f"--format {format}: no such layout, the nearest is {near}. Known: {', '.join(SOURCES)}.")
    if not root.exists():
        raise LayoutError(f"{root}: no such file or folder. Give a data-set folder, or a manifest (.csv).")
    return SOURCES[format or recognise(root)]


def recognise(root: Path) -> str:
    """Return the name of the first layout that `root` has.

    Raises:
        LayoutError: it has none that is known.
    """
    found = _first(root)
    if found is None:
        raise LayoutError(
            f"{root}: the layout is not recognised. Known: {', '.join(SOURCES)}; name one with --format{_hint(root)}."
        )
    return found


def _first(root: Path) -> str | None:
    return next((name for name, source in SOURCES.items() if source.recognise(root)), None)


def _hint(root: Path) -> str:
    # Archives often unpack into a folder inside the folder that is then given.
    inner = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for folder in inner[:20]:
        if name := _first(folder):
            return f", or give {folder}, which looks like {name}"
    return ""
