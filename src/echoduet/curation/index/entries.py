"""What the index notes about a case that it has read: which files, in which state, and what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echoduet.records import Case

Stamps = tuple[tuple[int, int], ...]
"""Size in bytes and time of the last change in nanoseconds of each file of a case, the image's first."""

ABSENT = (-1, -1)
"""The stamp of a file that is not there."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a case is recognised by from run to run, whatever it is called.

    Attributes:
        image: absolute path of its image.
        masks: absolute paths of its masks.
        label: its class, on which the scores of the mask depend.
        twin: 0, or how many cases of the very same files stand before it.
    """

    image: str
    masks: tuple[str, ...]
    label: str
    twin: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One case that was read: a row of the index.

    Attributes:
        key: the case.
        stamps: the state of its files when they were read.
        width, height: of the image, in pixels.
        sha256: of the image file's bytes, in hexadecimal.
        pixels: hash of the image's gray values and size.
        features: number of its local features.
        shape: height and width of its working picture.
        outlined: number of lesion pixels in its masks.
        scores: what was measured on image and mask, by the name of the issue.
    """

    key: Key
    stamps: Stamps
    width: int
    height: int
    sha256: str
    pixels: str
    features: int
    shape: tuple[int, int]
    outlined: int
    scores: Mapping[str, float]

    def as_json(self) -> list[Any]:
        """Return the entry as `from_json` takes it."""
        key = [self.key.image, self.key.masks, self.key.label, self.key.twin]
        sizes = [self.width, self.height, self.features, self.shape, self.outlined]
        return [key, self.stamps, sizes, self.sha256, self.pixels, self.scores]

    @classmethod
    def from_json(cls, value: Any) -> Entry:
        """Return the entry that was saved so.

        Raises:
            ValueError, TypeError: it was not.
        """
        (image, masks, label, twin), stamps, (width, height, features, shape, outlined), sha256, pixels, scores = value
        key = Key(str(image), tuple(map(str, masks)), str(label), int(twin))
        rows, columns = shape
        return cls(
            key=key,
            stamps=tuple((int(size), int(time)) for size, time in stamps),
            width=int(width),
            height=int(height),
            sha256=str(sha256),
            pixels=str(pixels),
            features=int(features),
            shape=(int(rows), int(columns)),
            outlined=int(outlined),
            scores={str(issue): float(score) for issue, score in dict(scores).items()},
        )


def keys_of(cases: Iterable[Case]) -> list[Key]:
    """Return the key of each case, in their order; cases of the same files are counted."""
    seen: Counter[Key] = Counter()
    keys = []
    for case in cases:
        key = Key(str(case.image.absolute()), tuple(str(mask.absolute()) for mask in case.masks), case.label.value)
        keys.append(Key(key.image, key.masks, key.label, seen[key]))
        seen[key] += 1
    return keys


def stamps_of(case: Case) -> Stamps:
    """Return the present state of a case's files."""
    return tuple(_stamp(path) for path in (case.image, *case.masks))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return ABSENT
    return status.st_size, status.st_mtime_ns
