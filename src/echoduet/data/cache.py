"""Images and masks of a manifest as two uint8 tensors, made once and kept on disk.

Decoding and resizing 780 PNG files costs seconds; reading the tensors back costs milliseconds. The file's name is a
hash of every image's and mask's bytes and of the preprocessing, so a changed file or setting makes a new cache.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from echoduet.data.images import read_gray
from echoduet.data.masks import read_mask
from echoduet.errors import DataError
from echoduet.files import user_cache, write_bytes
from echoduet.progress import Progress, silent
from echoduet.records import Case, GrayImage, Mask


class Prepares(Protocol):
    """What the cache needs of preprocessing."""

    @property
    def key(self) -> str:
        """A text that changes whenever the result would."""
        ...

    def image(self, image: GrayImage) -> GrayImage:
        """Return the image at the network's size, `(S, S)`."""
        ...

    def mask(self, mask: Mask) -> Mask:
        """Return the mask at the network's size, `(S, S)`."""
        ...


@dataclass(frozen=True, slots=True)
class CachedSet:
    """Cases as tensors.

    Attributes:
        case_ids: one per row.
        images: `(N, 1, S, S)` uint8, 0-255.
        masks: `(N, 1, S, S)` uint8, 0 or 1.
        labels: `(N,)` int64, positions in `CLASSES`.
    """

    case_ids: tuple[str, ...]
    images: Tensor
    masks: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.case_ids)

    def select(self, case_ids: Sequence[str]) -> CachedSet:
        """Return the cases named, in that order.

        Raises:
            DataError: a case is not in the set.
        """
        position = {case_id: i for i, case_id in enumerate(self.case_ids)}
        missing = [case_id for case_id in case_ids if case_id not in position]
        if missing:
            raise DataError(f"{missing[0]}: named by the split but not in the data. Make the split from this manifest.")
        rows = torch.tensor([position[case_id] for case_id in case_ids], dtype=torch.int64)
        return CachedSet(tuple(case_ids), self.images[rows], self.masks[rows], self.labels[rows])

    def to(self, device: torch.device) -> CachedSet:
        """Return the set on `device`."""
        return CachedSet(self.case_ids, self.images.to(device), self.masks.to(device), self.labels.to(device))


def load_cached(
    cases: Sequence[Case], prepare: Prepares, folder: Path | None = None, progress: Progress = silent
) -> CachedSet:
    """Return `cases` as tensors, from the cache when it holds them, else decoded and stored there.

    Args:
        cases: the cases, in the order wanted.
        prepare: brings images and masks to `(S, S)`.
        folder: where caches are kept; None for `user_cache()`.
        progress: told about each decoded case.

    Raises:
        DataError: there is no case, or an image or mask cannot be read.
        OutputError: the cache cannot be written.
    """
    if not cases:
        raise DataError("The data holds no case. Check the folder or manifest given with --data.")
    path = (folder or user_cache()) / f"tensors-{_fingerprint(cases, prepare.key)}.safetensors"
    tensors = _read(path)
    if tensors is None:
        tensors = _decode(cases, prepare, progress)
        write_bytes(path, save(tensors))
    labels = torch.tensor([case.label.position for case in cases], dtype=torch.int64)
    return CachedSet(tuple(case.case_id for case in cases), tensors["images"], tensors["masks"], labels)


def _fingerprint(cases: Sequence[Case], key: str) -> str:
    digest = hashlib.sha256(key.encode())
    for case in cases:
        for path in (case.image, *case.masks):
            digest.update(_file_digest(path))
        digest.update(b"|")
    return digest.hexdigest()[:32]


def _file_digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Restore the file, or make a new manifest."
        ) from error


def _read(path: Path) -> dict[str, Tensor] | None:
    if not path.exists():
        return None
    try:
        return load_file(path)
    except (OSError, safetensors.SafetensorError):
        return None  # a damaged cache is only a cache: it is made again


def _decode(cases: Sequence[Case], prepare: Prepares, progress: Progress) -> dict[str, Tensor]:
    def one(case: Case) -> tuple[GrayImage, Mask]:
        image = read_gray(case.image)
        height, width = image.shape
        return prepare.image(image), prepare.mask(read_mask(case.masks, (height, width)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pairs = list(progress(pool.map(one, cases), label="decoding", total=len(cases)))
    images = torch.from_numpy(np.stack([image for image, _ in pairs]))[:, None]
    masks = torch.from_numpy(np.stack([mask for _, mask in pairs]).astype(np.uint8))[:, None]
    return {"images": images, "masks": masks}
