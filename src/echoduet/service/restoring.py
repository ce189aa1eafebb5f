"""From a result as it is kept back to arrays: every picture of it was kept without loss, the maps in 8 bits."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.records import (
    CLASSES,
    Analysis,
    Box,
    Check,
    ColourImage,
    GrayImage,
    Label,
    Mask,
    PixelMap,
    Prediction,
    Scan,
    Spacing,
    Uncertainty,
)
from echoduet.service.layers import WIDEST_SPREAD
from echoduet.service.results import Kept
from echoduet.service.schemas import BoxBody, ClassesBody, Layer, ResultBody


def restored(kept: Kept) -> Analysis:
    """Return the analysis that a result was made of, without its explanation.

    Everything is as it was, but for lesion probability and spread, which are those of the 8-bit layers.

    Raises:
        KeyError: the result is one that failed, and has no picture.
    """
    body = kept.body
    raw = refined = None
    if body.status == "answered":
        raw = _prediction(kept, Layer.MASK_RAW, body.label_raw)
        refined = _prediction(kept, Layer.MASK, body.label)
    return Analysis(
        scan=_scan(kept),
        checks=tuple(Check(check.ground, check.score, check.threshold) for check in body.checks),
        raw=raw,
        refined=refined,
        lesions=kept.lesions,
        lesion_map=lesion_map(kept),
        uncertainty=_uncertainty(kept),
    )


def lesion_map(kept: Kept) -> PixelMap | None:
    """Return the lesion probability of a result, `(H, W)`, in steps of 1/255; None where there is none."""
    return _map(kept, Layer.PROBABILITY, 1.0)


def mask_of(kept: Kept, layer: Layer) -> Mask | None:
    """Return a mask of a result, `(H, W)`; None where it has none."""
    picture = kept.layers.pictures.get(layer)
    return None if picture is None else _plane(picture) > 0


def spacing_of(body: ResultBody) -> Spacing | None:
    """Return the size of a pixel; None where it is not known."""
    return None if body.spacing is None else Spacing(body.spacing.row, body.spacing.column)


def _map(kept: Kept, layer: Layer, white: float) -> PixelMap | None:
    picture = kept.layers.pictures.get(layer)
    return None if picture is None else _plane(picture).astype(np.float32) * np.float32(white / 255)


def _uncertainty(kept: Kept) -> Uncertainty | None:
    body = kept.body.uncertainty
    if body is None:
        return None
    spread = _map(kept, Layer.UNCERTAINTY, WIDEST_SPREAD)
    return Uncertainty(body.readings, spread, body.outline, _probabilities(body.classes))


def _scan(kept: Kept) -> Scan:
    body = kept.body
    gray, colour = _picture(kept.layers.pictures[Layer.IMAGE])
    region = _box(body.region) if body.region else None
    return Scan(f"result-{body.index}", gray, colour, region, spacing_of(body), body.frame)


def _picture(content: bytes) -> tuple[GrayImage, ColourImage | None]:
    pixels = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), dtype=np.uint8)
    if pixels.ndim == 2:
        return pixels, None
    colour = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return np.array(Image.fromarray(colour).convert("L")), colour


def _plane(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _prediction(kept: Kept, layer: Layer, label: Label | None) -> Prediction:
    return Prediction(f"result-{kept.body.index}", mask_of(kept, layer), _probabilities(kept.body.probabilities), label)


def _probabilities(body: ClassesBody | None) -> NDArray[np.float64] | None:
    return None if body is None else np.array([getattr(body, label.value) for label in CLASSES])


def _box(body: BoxBody) -> Box:
    return Box(body.top, body.left, body.height, body.width)
