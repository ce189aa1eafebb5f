"""A prediction drawn over its image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from echoduet.files import atomic_path
from echoduet.inference.measurements import bounding_box
from echoduet.records import CLASSES, GrayImage, Label, Mask, Prediction

# Okabe and Ito's palette: told apart by colour-blind readers too, and none of it occurs in a gray image.
COLOURS = {Label.BENIGN: (86, 180, 233), Label.MALIGNANT: (240, 110, 20), Label.NORMAL: (170, 170, 170)}
NO_CLASS = (240, 228, 66)
"""The contour's colour where the model names no class."""

SENTENCES = ("Research use only. Not for diagnosis.", "Research use only")
"""Below each answer, the longer one where it fits."""

_PADDING = 4
_WHITE = (255, 255, 255)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def contour(mask: Mask, thickness: int = 1) -> Mask:
    """Return the mask's own rim, `thickness` pixels wide, `(H, W)`; the image's edge bounds a lesion as well."""
    rim = np.zeros_like(mask)
    box = bounding_box(mask)
    if box is None:
        return rim
    # Only the lesion's surroundings are worked on: a large image with a small lesion stays cheap.
    inside = mask[box.slices]
    inner = cv2.erode(
        inside.view(np.uint8), _CROSS, iterations=thickness, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    rim[box.slices] = inside & (np.asarray(inner) == 0)
    return rim


def caption(prediction: Prediction) -> tuple[str, ...]:
    """Return what to write under the picture, the longest form first, for the widest that fits."""
    if prediction.label is None or prediction.probabilities is None:
        outlined = prediction.mask is not None and bool(prediction.mask.any())
        return ("lesion outlined" if outlined else "no lesion outlined",)
    shares = {label: f"{100 * share:.0f} %" for label, share in zip(CLASSES, prediction.probabilities, strict=True)}
    every = ", ".join(f"{label} {share}" for label, share in shares.items())
    if prediction.label is not CLASSES[int(prediction.probabilities.argmax())]:
        # Refining made it so: its own share would read as a contradiction.
        return (f"{prediction.label}, since nothing is outlined   ({every})", f"{prediction.label}, nothing outlined")
    answer = f"{prediction.label} {shares[prediction.label]}"
    others = ", ".join(f"{label} {share}" for label, share in shares.items() if label is not prediction.label)
    return (f"{answer}   ({others})", answer, prediction.label.value)


def draw_overlay(image: GrayImage, prediction: Prediction) -> NDArray[np.uint8]:
    """Return the image with the lesion's contour and, in strips below, answer and notice: `(H + strips, W', 3)`.

    The image itself is not written upon; only a very narrow one is widened, so that the answer can be read.
    """
    colour = NO_CLASS if prediction.label is None else COLOURS[prediction.label]
    picture = np.repeat(image[:, :, None], 3, axis=2)
    if prediction.mask is not None:
        picture[contour(prediction.mask, thickness=max(1, round(min(image.shape) / 250)))] = colour
    return _with_strip(_with_strip(picture, caption(prediction), colour), SENTENCES, _WHITE)


def _with_strip(picture: NDArray[np.uint8], texts: tuple[str, ...], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    font = ImageFont.load_default(size=max(12, round(min(height, width) / 28)))
    boxes = [font.getbbox(text) for text in texts]
    fits = [index for index, box in enumerate(boxes) if box[2] + 2 * _PADDING <= width]
    chosen = fits[0] if fits else len(texts) - 1
    strip = int(max(box[3] for box in boxes)) + 2 * _PADDING
    canvas = Image.new("RGB", (max(width, int(boxes[chosen][2]) + 2 * _PADDING), height + strip))
    canvas.paste(Image.fromarray(picture), (0, 0))
    ImageDraw.Draw(canvas).text((_PADDING, height + _PADDING), texts[chosen], fill=colour, font=font)
    return np.asarray(canvas)


def write_overlay(path: Path, image: GrayImage, prediction: Prediction) -> None:
    """Write `draw_overlay` as a PNG, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        # Level 1: twice as fast as the default for a file a tenth larger.
        Image.fromarray(draw_overlay(image, prediction)).save(temporary, format="PNG", compress_level=1)
