"""Small textured scans, each unlike the others, and manifests of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest, measured
from echoduet.records import Case, GrayImage, Label, Mask

CaseMaker = Callable[..., Case]


@pytest.fixture(scope="session")
def scan() -> Callable[..., GrayImage]:
    """Return a random texture at several scales, darker with depth, like no other seed's."""

    def make(seed: int, shape: tuple[int, int] = (150, 180)) -> GrayImage:
        rng = np.random.default_rng(seed)
        layers = sum(gaussian_filter(rng.standard_normal(shape), sigma) * sigma for sigma in (1, 4, 12))
        shade = np.linspace(1.3, 0.5, shape[0])[:, None]
        return np.clip((90 + 70 * layers) * shade, 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def disc() -> Callable[..., Mask]:
    """Return a round mask."""

    def make(shape: tuple[int, int], row: float, column: float, radius: float) -> Mask:
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2

    return make


@pytest.fixture
def case_of(tmp_path: Path) -> CaseMaker:
    """Write an image, and a mask where one is given, and return the case."""

    def make(name: str, image: GrayImage, mask: Mask | None = None, label: Label | None = None, **known: str) -> Case:
        path = tmp_path / "data" / f"{name}.png"
        write_png(path, image)
        masks = ()
        if mask is not None:
            masks = (path.with_name(f"{name}_mask.png"),)
            write_png(masks[0], mask)
        case = Case(name, path, masks, label or Label(name.split(" ", maxsplit=1)[0]), **known)
        return replace(case, width=image.shape[1], height=image.shape[0])

    return make


@pytest.fixture
def busy_manifest(scan, disc, case_of) -> Manifest:
    """Four benign, three malignant and three normal scans, with copies of every kind.

    benign (1) = benign (2) but for calipers, with masks far apart; benign (3) = malignant (1) to the pixel;
    normal (2) is normal (1) mirrored and smaller; all others stand alone.
    """
    one, two, three = scan(1), scan(2), scan(3, (200, 160))
    marked = one.copy()
    marked[70:73, 40:60] = 255
    left, right = disc((150, 180), 60, 50, 20), disc((150, 180), 90, 120, 20)
    cases = [
        case_of("benign (1)", one, left),
        case_of("benign (2)", marked[:-4, 3:], right[:-4, 3:]),
        case_of("benign (3)", two, left),
        case_of("benign (10)", scan(4), left),
        case_of("malignant (1)", two, left),
        case_of("malignant (2)", scan(5), right),
        case_of("malignant (3)", scan(6), right),
        case_of("normal (1)", three),
        case_of("normal (2)", np.ascontiguousarray(three[::2, ::-2])),
        case_of("normal (3)", scan(7)),
    ]
    return Manifest(tuple(measured(case) for case in cases), "scans")
