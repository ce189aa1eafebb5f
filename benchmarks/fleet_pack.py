"""A data set in a few megabytes: images at the network's sizes, outlines at their own, for a machine without the set.

python benchmarks/fleet_pack.py paper=curated/manifest.csv clean=clean/manifest.csv --sizes 128 192 --out pack

`benchmarks/fleet.py` trains and scores from it. Everything is a PNG or a CSV; an image is what `Preprocess` makes of it
(squashed, as every shipped configuration asks), so that a network sees what it would see of the set itself.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from echoduet.config.schema import PreprocessConfig
from echoduet.data.cache import CachedSet
from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest, read_manifest, write_manifest
from echoduet.data.masks import read_mask
from echoduet.errors import DataError
from echoduet.records import Case
from echoduet.transforms.preprocess import Preprocess

Image.MAX_IMAGE_PIXELS = None  # the images stand below each other in one tall picture

ROWS = "rows.csv"


@dataclass(frozen=True, slots=True)
class Pack:
    """A packed set: who stands in which row, and where."""

    folder: Path
    row_of: dict[str, int]

    @classmethod
    def open(cls, folder: Path) -> Pack:
        """Read the list of rows in `folder`.

        Raises:
            DataError: it is no pack.
        """
        if not (folder / ROWS).exists():
            raise DataError(f"{folder}: holds no {ROWS}, so it is no pack. Make one with fleet_pack.py.")
        with (folder / ROWS).open(newline="", encoding="utf-8") as stream:
            return cls(folder, {row["sha256"]: int(row["row"]) for row in csv.DictReader(stream)})

    def manifest(self, name: str) -> Manifest:
        """Return the manifest packed as `name`; its outlines are there, its images only at the packed sizes.

        Raises:
            DataError: none was packed under this name.
        """
        if not (self.folder / f"{name}.csv").exists():
            raise DataError(f"{self.folder}: has no manifest {name}. Pack it with {name}=MANIFEST.")
        return read_manifest(self.folder / f"{name}.csv")

    def require(self, wanted: PreprocessConfig) -> None:
        """Refuse images that were not packed.

        Raises:
            DataError: they were not packed as is wanted.
        """
        size = wanted.size
        if wanted != PreprocessConfig(size=size):
            raise DataError(f"{self.folder}: holds squashed, bilinear images alone. Train from the set itself instead.")
        if not (self.folder / f"images_{size}.png").exists():
            raise DataError(f"{self.folder}: has no images of {size} pixels. Pack them with --sizes {size}.")

    def tensors(self, manifest: Manifest, wanted: PreprocessConfig) -> CachedSet:
        """Return the manifest's cases as `load_cached` would from the images themselves.

        Raises:
            DataError: they were not packed as is wanted.
        """
        self.require(wanted)
        size = wanted.size
        images, masks = (_stacked(self.folder / f"{kind}_{size}.png", size) for kind in ("images", "masks"))
        rows = [self.row_of[case.sha256] for case in manifest]
        labels = torch.tensor([case.label.position for case in manifest], dtype=torch.int64)
        return CachedSet(
            tuple(case.case_id for case in manifest),
            torch.from_numpy(images[rows])[:, None],
            torch.from_numpy((masks[rows] > 0).astype(np.uint8))[:, None],
            labels,
        )


def _stacked(path: Path, size: int) -> NDArray[np.uint8]:
    pixels = np.asarray(Image.open(path).convert("L"), dtype=np.uint8)
    return pixels.reshape(-1, size, size)


def pack(manifests: dict[str, Manifest], sizes: Sequence[int], out: Path) -> None:
    """Write the cases of all manifests into `out`, each image once."""
    (out / "outlines").mkdir(parents=True, exist_ok=True)
    cases = list({case.sha256: case for manifest in manifests.values() for case in manifest}.values())
    with (out / ROWS).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "sha256"))
        writer.writerows(enumerate(case.sha256 for case in cases))
    prepared = [Preprocess(PreprocessConfig(size=size)) for size in sizes]
    planes: dict[str, list[NDArray[np.uint8]]] = {
        f"{kind}_{size}": [] for size in sizes for kind in ("images", "masks")
    }
    for case in cases:
        image = read_gray(case.image)
        mask = read_mask(case.masks, (image.shape[0], image.shape[1]))
        Image.fromarray(mask).convert("1").save(out / "outlines" / f"{case.sha256[:16]}.png", optimize=True)
        for size, prepare in zip(sizes, prepared, strict=True):
            planes[f"images_{size}"].append(prepare.image(image))
            planes[f"masks_{size}"].append(prepare.mask(mask).astype(np.uint8) * 255)
    for name, stack in planes.items():
        tall = Image.fromarray(np.concatenate(stack))
        (tall.convert("1") if name.startswith("masks") else tall).save(out / f"{name}.png", optimize=True)
    for name, manifest in manifests.items():
        write_manifest(manifest.with_cases(_packed(manifest, out)), out / f"{name}.csv")


def _packed(manifest: Manifest, out: Path) -> Iterator[Case]:
    for case in manifest:
        outline = out.absolute() / "outlines" / f"{case.sha256[:16]}.png"
        yield replace(case, image=outline, masks=(outline,) if case.masks else ())


def main() -> None:
    """Pack the manifests given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", metavar="NAME=MANIFEST")
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    named = dict(text.split("=", 1) for text in given.manifests)
    pack({name: read_manifest(Path(path)) for name, path in named.items()}, given.sizes, given.out)
    print(f"{given.out}: {sum(path.stat().st_size for path in given.out.rglob('*') if path.is_file()) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
