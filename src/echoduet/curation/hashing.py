"""What curation remembers of an image: a hash of its pixels, and a thumbnail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from echoduet.data.images import read_gray
from echoduet.data.manifest import in_threads
from echoduet.progress import Progress, silent
from echoduet.records import Case, GrayImage


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One image in brief.

    Attributes:
        case_id: the case.
        pixels: hash of the decoded gray values and the size; equal for copies in another file format or mode.
        thumbnail: the image squashed to a square by area averaging, `(S, S)`, values 0-255.
        shape: height and width of the image, in pixels.
    """

    case_id: str
    pixels: str
    thumbnail: NDArray[np.float32]
    shape: tuple[int, ...] = (1, 1)


def fingerprints(cases: Sequence[Case], side: int, progress: Progress = silent) -> list[Fingerprint]:
    """Decode every image once and return what the search for copies needs, in the order of the cases.

    Raises:
        ImageError: an image cannot be read.
    """
    return in_threads(partial(_fingerprint, side=side), cases, progress, "looking at images")


def pixel_hash(image: GrayImage) -> str:
    """Return the SHA-256 of the gray values together with the size, in hexadecimal."""
    size = f"{image.shape[0]}x{image.shape[1]}:".encode()
    return hashlib.sha256(size + np.ascontiguousarray(image).tobytes()).hexdigest()


def thumbnail(image: GrayImage, side: int) -> NDArray[np.float32]:
    """Return the image squashed to `(side, side)` by area averaging; copies of another size then coincide."""
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX), dtype=np.float32)


def _fingerprint(case: Case, side: int) -> Fingerprint:
    image = read_gray(case.image)
    return Fingerprint(case.case_id, pixel_hash(image), thumbnail(image, side), image.shape)
