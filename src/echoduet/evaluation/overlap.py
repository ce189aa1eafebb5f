"""Overlap of two masks."""

from __future__ import annotations

import numpy as np

from echoduet.errors import ShapeError
from echoduet.records import Mask


def require_same_shape(predicted: Mask, reference: Mask) -> None:
    """Check that two masks lie on one grid.

    Raises:
        ShapeError: the masks differ in shape.
    """
    if predicted.shape != reference.shape:
        raise ShapeError(
            f"The predicted mask is {_size(predicted)}, the reference {_size(reference)}. Bring both to one size first."
        )


def _size(mask: Mask) -> str:
    return "x".join(str(side) for side in reversed(mask.shape))


def joint_box(predicted: Mask, reference: Mask) -> tuple[slice, slice]:
    """Return the rows and columns of the smallest box that holds both masks; one pixel when both are empty."""
    union = predicted | reference
    rows, columns = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def dice(predicted: Mask, reference: Mask) -> float:
    """Return the Dice similarity coefficient, 2|A∩B| / (|A| + |B|).

    Args:
        predicted: boolean mask, `(H, W)`.
        reference: boolean mask of the same shape.

    Two empty masks agree: 1. One empty mask is a miss or a false alarm: 0 (Metrics Reloaded, 2024).

    Raises:
        ShapeError: the masks differ in shape.
    """
    require_same_shape(predicted, reference)
    total = int(predicted.sum()) + int(reference.sum())
    if total == 0:
        return 1.0
    return 2 * int((predicted & reference).sum()) / total


def jaccard(predicted: Mask, reference: Mask) -> float:
    """Return the intersection over union, |A∩B| / |A∪B|.

    Args:
        predicted: boolean mask, `(H, W)`.
        reference: boolean mask of the same shape.

    Two empty masks agree: 1. One empty mask: 0.

    Raises:
        ShapeError: the masks differ in shape.
    """
    require_same_shape(predicted, reference)
    union = int((predicted | reference).sum())
    if union == 0:
        return 1.0
    return int((predicted & reference).sum()) / union
