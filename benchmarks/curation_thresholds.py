"""Choose the side and the threshold of curation's near copies on tampered images and on mirrored ones.

    python benchmarks/curation_thresholds.py data/Dataset_BUSI_with_GT

No list of known duplicates is read. Copies are made by tampering with images; non-copies are all pairs of an image
with another one flipped left to right: the same scanners, the same anatomy, surely not the same picture. For each
thumbnail side the table gives the highest similarity that any such pair reaches, and the share of the tampered
copies that lie above it.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from echoduet.curation.candidates import candidate_pairs
from echoduet.curation.duplicates import similarity
from echoduet.curation.hashing import thumbnail
from echoduet.data.images import read_gray
from echoduet.data.manifest import in_threads, open_data
from echoduet.progress import silent
from echoduet.records import GrayImage

SIDES = (16, 24, 32, 48, 64, 96)
LOOSE = 0.75
"""Correlation from which mirrored pairs are compared: low enough to hold the most similar ones."""

Tamper = Callable[[GrayImage, np.random.Generator], GrayImage]


def gain(image: GrayImage, rng: np.random.Generator) -> GrayImage:
    """Change gain (0.7-1.4) and gamma (0.8-1.25)."""
    bright = rng.uniform(0.7, 1.4) * (image / 255.0) ** rng.uniform(0.8, 1.25)
    return np.clip(255 * bright, 0, 255).astype(np.uint8)


def jpeg(image: GrayImage, rng: np.random.Generator) -> GrayImage:
    """Save as JPEG of quality 30-70."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=int(rng.integers(30, 70)))
    return np.asarray(Image.open(stream))


def crop(image: GrayImage, rng: np.random.Generator, share: float) -> GrayImage:
    """Cut up to `share` of the side off each edge."""
    height, width = image.shape
    top, bottom, left, right = rng.uniform(0, share, 4) * (height, height, width, width)
    return image[int(top) : height - int(bottom), int(left) : width - int(right)]


def calipers(image: GrayImage, rng: np.random.Generator) -> GrayImage:
    """Draw two to four crosses, a dotted line and a line of text."""
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    height, width = image.shape
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
        pen.line((x - 7, y, x + 7, y), fill=255, width=2)
        pen.line((x, y - 7, x, y + 7), fill=255, width=2)
    start, way = rng.uniform(0.2, 0.6, 2) * (width, height), rng.uniform(0.05, 0.3, 2) * (width, height)
    pen.point([tuple(start + step * way) for step in np.linspace(0, 1, 30)], fill=255)
    pen.rectangle((8, 0.85 * height, 70, 0.85 * height + 14), fill=0)
    pen.text((8, 0.85 * height), "1 L 2.31 cm", fill=255)
    return np.asarray(picture)


def resized(image: GrayImage, rng: np.random.Generator) -> GrayImage:
    """Shrink to 50-90 % of the side."""
    share = rng.uniform(0.5, 0.9)
    size = (round(image.shape[1] * share), round(image.shape[0] * share))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def everything(image: GrayImage, rng: np.random.Generator) -> GrayImage:
    """Calipers, a crop of up to 4 % a side, gain and JPEG together."""
    return jpeg(gain(crop(calipers(image, rng), rng, 0.04), rng), rng)


TAMPERS: dict[str, Tamper] = {
    "gain": gain,
    "JPEG": jpeg,
    "calipers": calipers,
    "resized": resized,
    "crop 4 %": lambda image, rng: crop(image, rng, 0.04),
    "crop 8 %": lambda image, rng: crop(image, rng, 0.08),
    "all of it": everything,
}


def highest_mirrored(thumbnails: NDArray[np.float32]) -> float:
    """Return the highest similarity of an image with another one flipped left to right."""
    pairs = [pair for pair in candidate_pairs(thumbnails, LOOSE) if pair.mirrored]
    return max((similarity(thumbnails[pair.a], thumbnails[pair.b][:, ::-1]) for pair in pairs), default=0.0)


def recall(images: Sequence[GrayImage], copies: Sequence[GrayImage], side: int, threshold: float) -> float:
    """Return the share of tampered copies whose similarity to the original is above the threshold."""
    scores = [
        similarity(thumbnail(image, side), thumbnail(copy, side)) for image, copy in zip(images, copies, strict=True)
    ]
    return float(np.mean(np.array(scores) > threshold))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Fix the thresholds of curation without a list of duplicates.")
    parser.add_argument("data", type=Path, help="data-set folder or manifest")
    parser.add_argument("--images", type=int, default=250, help="how many images are tampered with")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    images = in_threads(lambda case: read_gray(case.image), open_data(args.data).cases, silent, "reading")
    rng = np.random.default_rng(args.seed)
    chosen = [images[i] for i in rng.permutation(len(images))[: args.images]]
    copies = {name: [tamper(image, rng) for image in chosen] for name, tamper in TAMPERS.items()}
    print("| side | highest mirrored | " + " | ".join(TAMPERS) + " | mean |")
    print("|---" * (len(TAMPERS) + 3) + "|")
    for side in SIDES:
        top = highest_mirrored(np.stack([thumbnail(image, side) for image in images]))
        shares = [recall(chosen, copies[name], side, top) for name in TAMPERS]
        cells = " | ".join(f"{share:.3f}" for share in [*shares, np.mean(shares)])
        print(f"| {side} | {top:.3f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
