"""What matching remembers of an image: its local features, a small picture, a hash of its pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.quality.overlays import overlay_mask, shrink_overlay
from echoduet.records import GrayImage, Mask

DESCRIPTOR = 128
"""Length of a SIFT descriptor: 4 x 4 cells of 8 orientations."""

CONTRAST = 0.01
"""Least contrast of a feature, a quarter of OpenCV's default: speckle is faint, and the strongest are taken anyway."""

AROUND_OVERLAY = 3
"""Pixels around an overlay where no feature is taken: every caliper cross looks like every other."""

# Images are described side by side in threads of our own; OpenCV's would only get in their way.
cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One image in brief.

    Attributes:
        pixels: hash of the gray values and the size; equal for copies in another file format or mode.
        width, height: of the image, in its own pixels.
        picture: the image with its longest side at `MatchSettings.side`, `(h, w)`.
        overlay: where the picture has calipers, letters and the like, `(h, w)`.
        points: x, y, diameter (pixels of the picture) and angle (degrees, clockwise) of each feature, `(K, 4)`.
        descriptors: SIFT descriptors (Lowe, 2004), `(K, 128)`, the strongest feature first.
    """

    pixels: str
    width: int
    height: int
    picture: GrayImage
    overlay: Mask
    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """The features of `N` images as columns.

    Attributes:
        pixels: their hashes.
        sizes: width and height of the images in their own pixels, `(N, 2)`.
        offsets: rows `offsets[i]` to `offsets[i + 1]` of points and descriptors are those of image i, `(N + 1,)`.
        points, descriptors: of all images, one after the other, `(M, 4)` and `(M, 128)`.
        pictures, overlays: top left in a square, `(N, S, S)`.
        shapes: height and width of each picture, `(N, 2)`.
    """

    pixels: tuple[str, ...]
    sizes: NDArray[np.int32]
    offsets: NDArray[np.int64]
    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]
    pictures: NDArray[np.uint8]
    overlays: NDArray[np.uint8]
    shapes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> Features:
        rows = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        height, width = map(int, self.shapes[i])
        return Features(
            pixels=self.pixels[i],
            width=int(self.sizes[i, 0]),
            height=int(self.sizes[i, 1]),
            picture=np.asarray(self.pictures[i, :height, :width]),
            overlay=np.asarray(self.overlays[i, :height, :width]).astype(np.bool_),
            points=self.points[rows],
            descriptors=self.descriptors[rows],
        )


def tabulate(features: Sequence[Features], side: int) -> FeatureTable:
    """Return the features of some images, of pictures with that longest side, as columns."""
    squares = np.zeros((2, len(features), side, side), dtype=np.uint8)
    for i, one in enumerate(features):
        height, width = one.picture.shape
        squares[0, i, :height, :width], squares[1, i, :height, :width] = one.picture, one.overlay
    counts = [len(one.points) for one in features]
    return FeatureTable(
        pixels=tuple(one.pixels for one in features),
        sizes=np.array([(one.width, one.height) for one in features], dtype=np.int32).reshape(-1, 2),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        points=np.concatenate([np.zeros((0, 4), np.float32), *(one.points for one in features)]),
        descriptors=np.concatenate([np.zeros((0, DESCRIPTOR), np.uint8), *(one.descriptors for one in features)]),
        pictures=squares[0],
        overlays=squares[1],
        shapes=np.array([one.picture.shape for one in features], dtype=np.int32).reshape(-1, 2),
    )


def extract(gray: GrayImage, settings: MatchSettings, overlay: Mask | None = None) -> Features:
    """Describe an image, `(H, W)`; one without texture has no features.

    Args:
        gray: the image.
        settings: the side of the picture, and how many features.
        overlay: `overlay_mask(gray)`, where it is known already.
    """
    picture = shrunk(gray, settings.side)
    height, width = picture.shape
    covered = shrink_overlay(overlay_mask(gray) if overlay is None else overlay, (height, width))
    points, descriptors = _local_features(picture, covered, settings.features)
    return Features(pixel_hash(gray), gray.shape[1], gray.shape[0], picture, covered, points, descriptors)


def pixel_hash(gray: GrayImage) -> str:
    """Return the SHA-256 of the gray values together with the size, in hexadecimal."""
    size = f"{gray.shape[0]}x{gray.shape[1]}:".encode()
    return hashlib.sha256(size + np.ascontiguousarray(gray).tobytes()).hexdigest()


def shrunk(gray: GrayImage, side: int) -> GrayImage:
    """Return the image with its longest side at `side`; a smaller one is enlarged, so that zooms come out alike."""
    height, width = gray.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(gray), size, interpolation=kernel), dtype=np.uint8)


def _local_features(picture: GrayImage, overlay: Mask, most: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    # Without the precise upscale features lie a quarter of a pixel off, and twice that in a mirrored copy.
    sift = cv2.SIFT.create(nfeatures=most, contrastThreshold=CONTRAST, enable_precise_upscale=True)
    allowed = cv2.dilate(overlay.astype(np.uint8), np.ones((2 * AROUND_OVERLAY + 1,) * 2, np.uint8)) == 0
    found, descriptors = sift.detectAndCompute(picture, allowed.astype(np.uint8) * 255)
    if descriptors is None:
        return np.zeros((0, 4), np.float32), np.zeros((0, DESCRIPTOR), np.uint8)
    rows = np.array([(*point.pt, point.size, point.angle, point.response) for point in found], dtype=np.float32)
    # OpenCV keeps all features of the weakest strength that still fits, in no order.
    strongest = np.lexsort((*rows[:, :4].T, -rows[:, 4]))[:most]
    return np.ascontiguousarray(rows[strongest, :4]), descriptors[strongest].astype(np.uint8)
