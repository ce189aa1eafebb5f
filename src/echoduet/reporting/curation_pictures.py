"""The pictures of the curation report: one image, or a pair laid one over the other, with the outlines of the masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from echoduet.curation.relations import Pair, Transform
from echoduet.data.images import read_colour_and_gray, read_gray
from echoduet.data.masks import read_mask
from echoduet.errors import ImageError
from echoduet.records import Case, GrayImage, Mask
from echoduet.reporting.pictures import data_uri, outline

SIDE = 288
"""Longest side of an image on the page, in pixels: three of them stand side by side."""

THUMBNAIL = 208
"""Longest side of an example, in pixels."""

LOUDER = 3
"""By how much a difference is multiplied, so that other speckle is seen on dark ground."""

STEEPEST = 3.0
"""How far the contrast of one image may be stretched to fit another's: noise is not made into a picture."""

HATCHED = 0.005
"""Least share of the picture that the other does not cover; less is a seam, not worth a hatching."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A case as the page shows it.

    Attributes:
        case_id: the case.
        gray: the image, its longest side at most `SIDE`, `(h, w)`.
        mask: the lesion, `(h, w)`; None without one, or where its files cannot be used.
        scale: pixels of `gray` for one of the file.
    """

    case_id: str
    gray: GrayImage
    mask: Mask | None
    scale: float


@dataclass(frozen=True, slots=True)
class Panels:
    """Three aligned pictures of a pair: the first image, the second laid over it, and where they differ."""

    first: Markup
    laid: Markup
    difference: Markup

    @property
    def size(self) -> int:
        """Their length in characters."""
        return len(self.first) + len(self.laid) + len(self.difference)


def still(case: Case, side: int = SIDE) -> Still:
    """Read a case at the size of the page.

    Raises:
        ImageError: the image cannot be read.
    """
    gray = read_gray(case.image)
    scale = min(1.0, side / max(gray.shape))
    return Still(case.case_id, _reduced(gray, scale), _lesion(case, gray, scale), scale)


def thumbnail(case: Case, outlined: bool = True) -> Markup:
    """Return a case small and in its colours.

    Args:
        case: the case.
        outlined: whether the lesion's outline is drawn; it may hide what is to be seen.

    Raises:
        ImageError: the image cannot be read.
    """
    colour, gray = read_colour_and_gray(case.image)
    scale = min(1.0, THUMBNAIL / max(gray.shape))
    gray_only = bool((colour == gray[:, :, None]).all())
    path = _outline(_lesion(case, gray, scale)) if outlined else ""
    return _drawn(case.case_id, _reduced(gray if gray_only else colour, scale), {"reference": path})


def wider_first(pair: Pair, sizes: Mapping[str, tuple[int, int]]) -> Pair:
    """Return the pair with the image first that shows more of the scan, so that the other lies inside it.

    Args:
        pair: two related images.
        sizes: width and height of both, in pixels.
    """
    (wide, high), (other_wide, other_high) = sizes[pair.case_a], sizes[pair.case_b]
    return pair.reversed() if other_wide * other_high * pair.transform.scale**2 > wide * high else pair


def panels(a: Still, b: Still, transform: Transform) -> Panels:
    """Draw b laid over a.

    Args:
        a, b: the images.
        transform: what lays b over a, in the pixels of the files.
    """
    matrix = _between_stills(transform.matrix, a.scale, b.scale)
    moved, covered = _laid(b.gray, matrix, a.gray.shape), _laid(np.ones_like(b.gray), matrix, a.gray.shape) > 0
    theirs = None if b.mask is None else _laid(b.mask.astype(np.uint8) * 255, matrix, a.gray.shape) > 127
    ours = {"reference": _outline(a.mask)}
    both = ours | {"predicted": _outline(theirs)}
    outside = None if (~covered).mean() < HATCHED else _surroundings(b.gray.shape, matrix, a.gray.shape)
    name = f"{b.case_id} laid over {a.case_id}"
    return Panels(
        _drawn(a.case_id, a.gray, ours),
        _drawn(name, moved, both, outside),
        _drawn(f"difference of {a.case_id} and {b.case_id}", difference(a.gray, moved, covered), both, outside),
    )


def difference(a: GrayImage, b: GrayImage, common: Mask) -> GrayImage:
    """Return the absolute difference of two aligned images, `LOUDER` times, 0 where they have nothing in common.

    The brightness and contrast of b are fitted to those of a first (mean and standard deviation over the overlap):
    another gain is no other content.
    """
    if not common.any():
        return np.zeros_like(a)
    ours, theirs = a[common].astype(np.float64), b[common].astype(np.float64)
    steepness = min(STEEPEST, ours.std() / max(theirs.std(), 1.0))
    fitted = np.clip((theirs - theirs.mean()) * steepness + ours.mean(), 0, 255)
    shown = np.zeros_like(a)
    shown[common] = np.clip(LOUDER * np.abs(ours - fitted), 0, 255).astype(np.uint8)
    return shown


def _reduced(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    if scale == 1.0:
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _lesion(case: Case, gray: GrayImage, scale: float) -> Mask | None:
    if not case.masks:
        return None
    try:
        mask = read_mask(case.masks, (gray.shape[0], gray.shape[1]))
    except ImageError:  # told among the findings; the image itself can still be shown
        return None
    return _reduced(mask.astype(np.uint8) * 255, scale) > 127


def _between_stills(matrix: NDArray[np.float64], of_a: float, of_b: float) -> NDArray[np.float64]:
    """Return the matrix between two reduced images for one between the files; whole coordinates are pixel centres."""

    def reduce(scale: float) -> NDArray[np.float64]:
        return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])

    return np.asarray((reduce(of_a) @ np.vstack([matrix, (0, 0, 1)]) @ np.linalg.inv(reduce(of_b)))[:2])


def _laid(layer: NDArray[np.uint8], matrix: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.asarray(cv2.warpAffine(layer, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _surroundings(shape: tuple[int, ...], matrix: NDArray[np.float64], canvas: tuple[int, ...]) -> str:
    """Return as a path what the moved image does not cover: the canvas less the image's frame (rule even-odd)."""
    (height, width), (down, across) = shape, canvas
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
    frame = corners @ matrix[:, :2].T + matrix[:, 2] + 0.5
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in frame)
    return f"M0 0H{across}V{down}H0Z M{steps}Z"


def _outline(mask: Mask | None) -> str:
    return "" if mask is None or not mask.any() else outline(mask, 1.0)


def _drawn(name: str, picture: NDArray[np.uint8], outlines: Mapping[str, str], outside: str | None = None) -> Markup:
    height, width = picture.shape[:2]
    pixels = data_uri(picture, width, height)
    parts = [Markup('<image width="{}" height="{}" href="{}"/>').format(width, height, pixels)]
    if outside:
        parts.append(Markup('<path class="outside" d="{}"/>').format(outside))
    paths = {kind: path for kind, path in outlines.items() if path}
    # Dark lines under both coloured ones keep them visible on bright tissue.
    parts += [Markup('<path class="halo" d="{}"/>').format(path) for path in paths.values()]
    parts += [Markup('<path class="{}" d="{}"/>').format(kind, path) for kind, path in paths.items()]
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, name, Markup().join(parts)
    )
