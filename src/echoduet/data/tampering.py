"""Copies of a scan as data sets contain them: cropped, zoomed, mirrored, marked, masked by somebody else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from echoduet.records import GrayImage, Mask

RELATIONS: tuple[str, ...] = ("exact", "calipers", "text", "crop", "zoom", "flip", "gain", "crop+calipers")
"""The ways in which a copy may differ from its original; `calipers` and `text` put them on, or take them off."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """What was done to a copy, in this order.

    Attributes:
        relation: one of `RELATIONS`.
        calipers, text: put on where the original has none, taken off where it has some.
        crop: what is kept: left, top, right, bottom as shares of width and height.
        flip: mirrored left to right.
        scale: factor on the size in pixels.
        gain: factor on the gray values.
        redrawn: another annotator's mask: how far its border strays, as a share of the lesion's radius; 0 for the same.
    """

    relation: str = "exact"
    calipers: bool = False
    text: bool = False
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    flip: bool = False
    scale: float = 1.0
    gain: float = 1.0
    redrawn: float = 0.0

    def describe(self) -> str:
        """Return the transform as JSON: what differs from an exact copy, and nothing else."""
        untouched = asdict(Tampering(relation=self.relation))
        return json.dumps({name: value for name, value in asdict(self).items() if value != untouched[name]})


def draw_tampering(relation: str, rng: np.random.Generator) -> Tampering:
    """Draw a transform for a relation of `RELATIONS`; now and then the mask is redrawn as well."""
    kinds = relation.split("+")
    # A zoom shows a part at another size.
    crop = "crop" in kinds or "zoom" in kinds
    return Tampering(
        relation=relation,
        calipers="calipers" in kinds,
        text="text" in kinds,
        crop=_draw_crop(rng) if crop else (0.0, 0.0, 1.0, 1.0),
        flip="flip" in kinds,
        scale=_draw_factor(rng, 0.6, 1.5) if "zoom" in kinds else 1.0,
        gain=_draw_factor(rng, 0.65, 1.35) if "gain" in kinds else 1.0,
        redrawn=round(rng.uniform(0.05, 0.2), 3) if relation != "exact" and rng.random() < 0.3 else 0.0,
    )


def _draw_factor(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a factor that makes a visible difference: below 0.9, or above 1.1."""
    return round(rng.uniform(low, 0.9) if rng.random() < 0.5 else rng.uniform(1.1, high), 3)


def _draw_crop(rng: np.random.Generator) -> tuple[float, float, float, float]:
    left, top, right, bottom = rng.uniform(0.0, (0.14, 0.05, 0.14, 0.2))
    return round(left + 0.02, 3), round(top, 3), round(0.98 - right, 3), round(0.98 - bottom, 3)


def tamper(
    image: GrayImage, masks: Sequence[Mask], change: Tampering, rng: np.random.Generator
) -> tuple[GrayImage, tuple[Mask, ...]]:
    """Return the copy and its masks; calipers and text are drawn before, when the picture is."""
    if change.redrawn:
        masks = tuple(redraw(mask, change.redrawn, rng) for mask in masks)
    image = np.clip(np.rint(_reshape(image, change) * np.float32(change.gain)), 0, 255).astype(np.uint8)
    return image, tuple(_reshape(mask.astype(np.uint8) * np.uint8(255), change) > 127 for mask in masks)


def _reshape(pixels: GrayImage, change: Tampering) -> GrayImage:
    height, width = pixels.shape
    left, top, right, bottom = change.crop
    pixels = pixels[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    if change.flip:
        pixels = pixels[:, ::-1]
    if change.scale != 1.0:
        size = (round(pixels.shape[1] * change.scale), round(pixels.shape[0] * change.scale))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    return pixels


def redraw(mask: Mask, strays: float, rng: np.random.Generator) -> Mask:
    """Return the mask as another annotator might draw it: its border strays by a share of the lesion's radius."""
    if not mask.any():
        return mask
    radius = np.sqrt(mask.sum() / np.pi)
    distance = distance_transform_edt(mask) - distance_transform_edt(~mask)
    waves = gaussian_filter(rng.standard_normal(mask.shape), 0.5 * radius)
    waves = waves / max(float(waves.std()), 1e-9) + rng.normal(0.0, 0.7)
    other = distance > waves * strays * radius
    return np.asarray(other if other.any() else mask, dtype=np.bool_)
