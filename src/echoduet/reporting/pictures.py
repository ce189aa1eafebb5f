"""A case as a small picture: the image as JPEG, the outlines as vectors above it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from echoduet.records import GrayImage, Mask
from echoduet.reporting.gallery import GalleryItem

LONGEST_SIDE = 320
"""Pixels of a picture's longer side: enough to see the outline, small enough for a page of many."""


def picture(item: GalleryItem) -> Markup:
    """Return the case as an SVG element: image, reference (class `reference`), answer (class `predicted`)."""
    height, width = item.image.shape
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    parts = [
        Markup('<image width="{}" height="{}" href="{}"/>').format(across, down, data_uri(item.image, across, down))
    ]
    masks = {"reference": item.reference, "predicted": item.predicted}
    paths = {name: outline(mask, scale) for name, mask in masks.items() if mask is not None and mask.any()}
    # Dark lines under both coloured ones keep them visible on bright tissue.
    parts += [Markup('<path class="halo" d="{}"/>').format(path) for path in paths.values()]
    parts += [Markup('<path class="{}" d="{}"/>').format(name, path) for name, path in paths.items()]
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        across, down, item.case_id, Markup().join(parts)
    )


def data_uri(image: GrayImage, width: int, height: int) -> str:
    """Return the image at that size as a JPEG data URI."""
    stream = io.BytesIO()
    Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def outline(mask: Mask, scale: float) -> str:
    """Return the outlines of a mask as SVG path data, scaled; empty for an empty mask."""
    return " ".join(_path(points * scale) for points in _polygons(mask, tolerance=0.4 / scale))


def _polygons(mask: Mask, tolerance: float) -> Iterator[NDArray[np.float64]]:
    # Padded, so that a lesion at the image's edge is closed; half a pixel more, because SVG counts from corners.
    for contour in find_contours(np.pad(mask, 1).astype(np.float64), 0.5):
        yield approximate_polygon(contour, tolerance) - 0.5


def _path(points: NDArray[np.float64]) -> str:
    steps = " L".join(f"{x:.1f} {y:.1f}" for y, x in points[:-1])
    return f"M{steps}Z"
