"""The scores of one image, all from one look at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoduet.curation.quality.colour import doppler_score
from echoduet.curation.quality.exposure import blank_score, exposure_scores
from echoduet.curation.quality.frame import border_score, panel_score, wedge_score
from echoduet.curation.quality.graphics import graphics_scores
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.overlays import overlay_mask
from echoduet.errors import ShapeError
from echoduet.records import GrayImage, Mask


def image_scores(colour: NDArray[np.uint8], gray: GrayImage, overlay: Mask | None = None) -> dict[Issue, float]:
    """Return the score of each trouble that one image alone can have, 0-1, higher for more of it.

    Args:
        colour: the image as it is, `(H, W, 3)`.
        gray: its gray values, `(H, W)`.
        overlay: `overlay_mask(gray)`, where it is known already.

    Raises:
        ShapeError: the two are not of one size.
    """
    if colour.shape != (*gray.shape, 3):
        raise ShapeError(
            f"A colour image is (H, W, 3) and as large as its gray values {gray.shape}, got {colour.shape}."
        )
    ink = overlay_mask(gray) if overlay is None else overlay
    saturated, flat = exposure_scores(gray)
    return graphics_scores(ink) | {
        Issue.COLOUR_DOPPLER: doppler_score(colour),
        Issue.PANELS: panel_score(gray),
        Issue.INTERFACE_BORDER: border_score(gray),
        Issue.WEDGE_CORNERS: wedge_score(gray),
        Issue.NEAR_BLANK: blank_score(gray),
        Issue.SATURATED: saturated,
        Issue.LOW_CONTRAST: flat,
    }
