"""What looks wrong with a lesion's outline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.quality.issues import Issue
from echoduet.records import Label, Mask

SPECK = 0.05
"""Area, as a share of the largest part's, below which a part is a fragment rather than a second lesion."""

SMALL = 0.1
"""Diameter of the disc of a lesion's area, as a share of the image's larger side, from which it is not small at all."""

ELLIPSE = np.pi / 4
"""Share of its rectangle that an ellipse fills."""

MASK_ISSUES = (
    Issue.MASK_FRAGMENTS,
    Issue.MASK_HOLES,
    Issue.MASK_EDGE,
    Issue.MASK_SMALL,
    Issue.MASK_RECTANGULAR,
)


def mask_scores(mask: Mask, label: Label) -> dict[Issue, float]:
    """Return the score of each trouble that a mask can have, 0-1; all 0 where it is empty.

    Args:
        mask: all lesions of one image, `(H, W)`.
        label: what the image shows; in a normal one whatever is outlined is a fragment.
    """
    if not mask.any():
        return dict.fromkeys(MASK_ISSUES, 0.0)
    pixels = np.ascontiguousarray(mask, dtype=np.uint8)
    _, labels, table, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8)
    boxes = np.asarray(table, dtype=np.int64)[1:]
    fragments = boxes[:, cv2.CC_STAT_AREA] < SPECK * boxes[:, cv2.CC_STAT_AREA].max()
    specks = len(boxes) if label is Label.NORMAL else int(np.count_nonzero(fragments))
    return {
        Issue.MASK_FRAGMENTS: 1.0 - 0.5**specks,
        Issue.MASK_HOLES: holes_share(pixels),
        Issue.MASK_EDGE: _edge_share(pixels),
        Issue.MASK_SMALL: _smallness(int(boxes[:, cv2.CC_STAT_AREA].sum()), max(mask.shape)),
        Issue.MASK_RECTANGULAR: _rectangularity(np.asarray(labels), int(boxes[:, cv2.CC_STAT_AREA].argmax()) + 1),
    }


def holes_share(mask: NDArray[np.uint8]) -> float:
    """Return the area of the holes as a share of the mask's with its holes filled.

    Args:
        mask: 0 and 1, `(H, W)`.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED)
    area = cv2.countNonZero(filled)
    return (area - cv2.countNonZero(mask)) / area


def _edge_share(mask: NDArray[np.uint8]) -> float:
    """Return the longest stretch on one edge of the image, as a share of the mask's extent along that edge."""
    edges = ((mask[0], 0), (mask[-1], 0), (mask[:, 0], 1), (mask[:, -1], 1))
    return max(np.count_nonzero(line) / np.count_nonzero(mask.any(axis=axis)) for line, axis in edges)


def _smallness(area: int, side: int) -> float:
    diameter = 2.0 * float(np.sqrt(area / np.pi)) / side
    return max(0.0, 1.0 - diameter / SMALL)


def _rectangularity(labels: NDArray[np.int32], largest: int) -> float:
    """Return 1 for a largest part that fills the smallest rectangle around it, however turned; 0 for an ellipse."""
    pixels = (labels == largest).astype(np.uint8)
    contours, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    # The rectangle goes through pixel centres: half a pixel is missing on each side.
    _, (width, height), _ = cv2.minAreaRect(contours[0])
    share = cv2.countNonZero(pixels) / ((width + 1.0) * (height + 1.0))
    return float(np.clip((share - ELLIPSE) / (1.0 - ELLIPSE), 0.0, 1.0))
