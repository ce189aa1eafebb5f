"""How two cases of a curation lie over each other, and the pictures that show it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from echoduet.curation.relations import Transform
from echoduet.data.images import read_colour_and_gray
from echoduet.data.manifest import Manifest
from echoduet.data.masks import read_mask
from echoduet.errors import ImageError, ManifestError
from echoduet.records import ColourImage
from echoduet.service.review_items import Evidence
from echoduet.service.review_pictures import Matrix, Place, alone, as_png, difference, drawn, outline, places

KEPT_IMAGES, KEPT_PICTURES = 16, 64
"""How many decoded images and finished pictures are kept, so that going back and forth costs nothing."""


class Layer(StrEnum):
    """A picture of a view: image a, image b laid over it, or their difference."""

    A = "a"
    B = "b"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class Side:
    """One image of a view: size in pixels and outline of the mask, or why it cannot be shown."""

    case_id: str
    width: int = 0
    height: int = 0
    outline: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Two images, or one, as the page shows them.

    Attributes:
        a, b: the images; b is None where one is shown alone.
        aligned: whether both lie on one canvas.
        transform: in words, what lays b over a; empty where the pair was not aligned itself.
    """

    a: Side
    b: Side | None
    aligned: bool
    transform: str


class Views:
    """The views of one curation: by case id only, never by path.

    Args:
        cases: those that can be shown.
        known: what is known of two cases, by both ids.
    """

    def __init__(self, cases: Manifest, known: Mapping[tuple[str, str], Evidence]) -> None:
        self._cases = cases
        self._known = dict(known)
        self._neighbours: dict[str, list[str]] = {}
        for a, b in known:
            self._neighbours.setdefault(a, []).append(b)
            self._neighbours.setdefault(b, []).append(a)
        self._image = lru_cache(KEPT_IMAGES)(self._read_image)
        self.picture = lru_cache(KEPT_PICTURES)(self._picture)

    def view(self, a: str, b: str | None = None) -> View:
        """Return how image b lies over image a, or image a alone.

        An image or mask that cannot be read is told in its side, so that the other one is shown all the same.

        Raises:
            ManifestError: there is no case of that id.
        """
        if b is None:
            return View(self._side(a, self._places(a, None)[0]), None, False, "")
        place_a, place_b, aligned = self._places(a, b)
        transform = self._transform(a, b)
        words = transform.describe() if transform else ""
        return View(self._side(a, place_a), self._side(b, place_b), aligned, words)

    def _picture(self, layer: Layer, a: str, b: str | None) -> bytes:
        """Return a layer of the view of both, or of image a alone, as a PNG file.

        Raises:
            ImageError: an image cannot be read.
            ManifestError: there is no case of that id, or no alignment of both to show a difference of.
        """
        place_a, place_b, aligned = self._places(a, b)
        if layer is Layer.DIFFERENCE:
            if b is None or place_a is None or place_b is None or not aligned:
                raise ManifestError(f"{a} and {b}: were not aligned, so there is no difference to show.")
            return as_png(difference(drawn(self._image(a), place_a), drawn(self._image(b), place_b)))
        case_id, place = (b, place_b) if layer is Layer.B and b else (a, place_a)
        image = self._image(case_id)  # tells why where it cannot be read, and then there is no place either
        assert place is not None
        return as_png(drawn(image, place))

    def matrix(self, a: str, b: str) -> Matrix | None:
        """Return what lays image b over image a, through other images of their group where it must; None if unknown."""
        before: dict[str, str] = {a: a}
        queue = deque([a])
        while queue and b not in before:
            here = queue.popleft()
            for there in self._neighbours.get(here, ()):
                if there not in before:
                    before[there] = here
                    queue.append(there)
        if b not in before:
            return None
        total, step = np.eye(3), b
        while step != a:
            link = self._transform(before[step], step)
            assert link is not None
            total = np.vstack([link.matrix, [0, 0, 1]]) @ total
            step = before[step]
        return total[:2]

    def _transform(self, a: str, b: str) -> Transform | None:
        if found := self._known.get((a, b)):
            return found.pair.transform
        found = self._known.get((b, a))
        return found.pair.transform.inverse() if found else None

    def _read_image(self, case_id: str) -> ColourImage:
        return read_colour_and_gray(self._cases.case(case_id).image)[0]

    def _places(self, a: str, b: str | None) -> tuple[Place | None, Place | None, bool]:
        """Return where both images lie, None for one that cannot be read, and whether it is on one canvas."""
        size_a, size_b = self._size(a), self._size(b) if b else None
        matrix = self.matrix(a, b) if b else None
        if size_a and size_b and matrix is not None:
            return *places(size_a, size_b, matrix), True
        return alone(size_a) if size_a else None, alone(size_b) if size_b else None, False

    def _size(self, case_id: str) -> tuple[int, int] | None:
        try:
            height, width = self._image(case_id).shape[:2]
        except ImageError:
            return None
        return width, height

    def _side(self, case_id: str, place: Place | None) -> Side:
        try:
            shape = self._image(case_id).shape[:2]
            mask = read_mask(self._cases.case(case_id).masks, (shape[0], shape[1]))
        except ImageError as error:
            width, height = place.size if place else (0, 0)
            return Side(case_id, width, height, problem=str(error))
        assert place is not None
        return Side(case_id, *place.size, outline(mask, place))
