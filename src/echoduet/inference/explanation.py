"""Which places of a picture speak for the class answered: what happens when they are hidden."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.temperature import tempered
from echoduet.inference.runtime import Runtime
from echoduet.records import GrayImage, Label

PATCH = 4
"""A patch that is hidden is the image's side divided by this; patches lie half a patch apart."""

FloatMap = NDArray[np.float32]


def explain(
    runtime: Runtime, image: GrayImage, label: Label, temperature: float = 1.0, batch_size: int = 16
) -> FloatMap | None:
    """Return by how much the probability of `label` falls where a place of the picture is hidden, `(S, S)`.

    Occlusion (Zeiler and Fergus, 2014): square patches, which overlap by half, are hidden one after the other. Each
    is faded into what a strong blur leaves of it, so that no edge is made that the network could take for one. A
    patch's fall is spread over it, more in its middle than at its rim. Above 0 a place speaks for the class, below
    against it. It needs no gradients: every runtime gives the same map.

    Args:
        runtime: runs the network.
        image: what the network sees, `(S, S)`.
        label: the class that is asked about.
        temperature: the bundle's.
        batch_size: pictures the network sees at a time.

    Returns:
        The map, -1 to 1, or None where the network knows no classes.
    """
    whole = _probability(runtime, image[None], label, temperature)
    if whole is None:
        return None
    side = image.shape[0]
    windows = _windows(side)
    falls = np.concatenate(
        [whole - probability for probability in _hidden(runtime, image, windows, label, temperature, batch_size)]
    )
    total, weight = np.zeros((side, side)), np.zeros((side, side))
    for window, fall in zip(windows, falls, strict=True):
        total += fall * window
        weight += window
    return np.asarray(total / weight, dtype=np.float32)


def _hidden(
    runtime: Runtime, image: GrayImage, windows: list[FloatMap], label: Label, temperature: float, batch_size: int
) -> Iterator[NDArray[np.float64]]:
    blurred = cv2.GaussianBlur(image, (0, 0), image.shape[0] / 8)
    for start in range(0, len(windows), batch_size):
        hidden = np.minimum(1, 4 * np.stack(windows[start : start + batch_size]))
        pictures = np.rint(hidden * blurred + (1 - hidden) * image).astype(np.uint8)
        probability = _probability(runtime, pictures, label, temperature)
        assert probability is not None
        yield probability


def _windows(side: int) -> list[FloatMap]:
    """Return one map per patch, `(S, S)`: a pyramid over it, 1 in the middle, down to 0 a patch's side further out."""
    patch = side / PATCH
    centres = np.arange(0.0, side + 1, patch / 2)
    heights = [np.maximum(0, 1 - np.abs(np.arange(side) + 0.5 - centre) / patch) for centre in centres]
    return [np.outer(rows, columns).astype(np.float32) for rows in heights for columns in heights]


def _probability(
    runtime: Runtime, pictures: NDArray[np.uint8], label: Label, temperature: float
) -> NDArray[np.float64] | None:
    classes = runtime.read(pictures).classes
    return None if classes is None else tempered(classes.mean(axis=1), temperature)[:, label.position]
