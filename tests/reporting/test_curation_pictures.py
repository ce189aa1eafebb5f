from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from echoduet.curation.relations import IDENTITY, Pair, Relation, Transform
from echoduet.data.images import write_png
from echoduet.records import Case, Label
from echoduet.reporting.curation_pictures import (
    SIDE,
    Still,
    _between_stills,
    difference,
    panels,
    still,
    wider_first,
)

SHAPE = (120, 160)


def scene(rng: np.random.Generator, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A smooth picture with structure everywhere."""
    smooth = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 3.0)
    return np.clip(120 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def disc(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(columns - x, rows - y) <= radius


def shown(name: str, gray: np.ndarray, mask: np.ndarray | None = None) -> Still:
    return Still(name, gray, mask, 1.0)


def pixels(drawn: str) -> np.ndarray:
    """Decode the picture inside an SVG."""
    data = re.search(r'base64,([^"]+)"', drawn)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(float)


def moved(image: np.ndarray, transform: Transform, shape: tuple[int, int]) -> np.ndarray:
    """Make b such that the transform lays it over the image."""
    inverse = cv2.invertAffineTransform(transform.matrix)
    return cv2.warpAffine(image, inverse, (shape[1], shape[0]), flags=cv2.INTER_LINEAR)


@pytest.mark.parametrize(
    "transform",
    [
        IDENTITY,
        Transform(dx=12, dy=-7),
        Transform(scale=1.3, dx=5, dy=4),
        Transform(mirrored=True, dx=159),
        Transform(rotation=8, dx=10, dy=-6),
    ],
    ids=Transform.describe,
)
def test_the_second_image_lies_over_the_first(rng, transform) -> None:
    image = scene(rng)
    drawn = panels(shown("a", image), shown("b", moved(image, transform, SHAPE)), transform)
    assert pixels(drawn.difference).mean() < 8
    assert np.corrcoef(pixels(drawn.first)[40:80, 60:100].ravel(), pixels(drawn.laid)[40:80, 60:100].ravel())[
        0, 1
    ] == pytest.approx(1.0, abs=0.05)


def test_a_wrong_transform_is_seen_in_the_difference(rng) -> None:
    image = scene(rng)
    drawn = panels(shown("a", image), shown("b", image), Transform(dx=9))
    assert pixels(drawn.difference).mean() > 20


def test_what_the_second_does_not_cover_is_hatched(rng) -> None:
    image = scene(rng)
    drawn = panels(shown("a", image), shown("b", image[20:100, 30:130]), Transform(dx=30, dy=20))
    assert "M0 0H160V120H0Z M30.0 20.0 L130.0 20.0 L130.0 100.0 L30.0 100.0Z" in drawn.laid
    assert 'class="outside"' in drawn.difference
    assert "outside" not in drawn.first
    assert "outside" not in panels(shown("a", image), shown("b", image), IDENTITY).laid


def test_outlines_are_solid_for_the_first_and_dashed_for_the_second(rng) -> None:
    image, mask = scene(rng), disc(SHAPE, 60, 60, 20)
    drawn = panels(shown("a", image, mask), shown("b", image, mask), Transform(dx=10))
    assert [re.findall(r'class="(reference|predicted)"', part) for part in (drawn.first, drawn.laid)] == [
        ["reference"],
        ["reference", "predicted"],
    ]
    dashed = re.search(r'class="predicted" d="([^"]+)"', drawn.laid)[1]
    x = [float(value) for value in re.findall(r"[ML]?([\d.]+) [\d.]+", dashed)]
    assert np.mean([min(x), max(x)]) == pytest.approx(70.5, abs=1)


def test_an_empty_or_missing_mask_has_no_outline(rng) -> None:
    image = scene(rng)
    drawn = panels(shown("a", image, np.zeros(SHAPE, bool)), shown("b", image), IDENTITY)
    assert "reference" not in drawn.laid
    assert "predicted" not in drawn.laid


def test_another_gain_is_no_difference(rng) -> None:
    image = scene(rng)
    common = np.ones(SHAPE, bool)
    assert difference(image, (image * 0.5 + 20).astype(np.uint8), common).mean() < 4
    assert difference(image, np.roll(image, 9, axis=1), common).mean() > 20


def test_nothing_in_common_has_no_difference(rng) -> None:
    image = scene(rng)
    assert not difference(image, image[::-1], np.zeros(SHAPE, bool)).any()
    drawn = panels(shown("a", image), shown("b", image), Transform(dx=900))
    assert pixels(drawn.difference).max() <= 2


@pytest.mark.filterwarnings("error")
def test_a_flat_image_has_a_difference_too(rng) -> None:
    flat = np.full(SHAPE, 7, np.uint8)
    assert not difference(flat, flat, np.ones(SHAPE, bool)).any()
    assert difference(scene(rng), flat, np.ones(SHAPE, bool)).max() > 0


@given(st.floats(0.1, 1), st.floats(0.1, 1), st.floats(-180, 180), st.floats(0.3, 3), st.floats(-90, 90), st.booleans())
def test_reduced_images_are_laid_as_their_files(of_a, of_b, rotation, scale, dx, mirrored) -> None:
    matrix = Transform(mirrored, rotation, scale, dx, -dx).matrix
    reduced = _between_stills(matrix, of_a, of_b)
    for corner in ((0, 0), (100, 30)):
        # Corner-based coordinates scale with the picture; whole coordinates are pixel centres, half a pixel off.
        place = (np.asarray(corner) + 0.5) * of_b - 0.5
        expected = (matrix @ (*corner, 1) + 0.5) * of_a - 0.5
        assert reduced @ (*place, 1) == pytest.approx(expected, abs=1e-6)


def test_the_wider_image_comes_first() -> None:
    pair = Pair("crop", "whole", Relation.SAME_SCAN, Transform(dx=-30, dy=-20), overlap=0.4)
    turned = wider_first(pair, {"crop": (100, 80), "whole": (160, 120)})
    assert (turned.case_a, turned.case_b, turned.overlap) == ("whole", "crop", 0.4)
    assert (turned.transform.dx, turned.transform.dy) == pytest.approx((30, 20))
    assert wider_first(turned, {"crop": (100, 80), "whole": (160, 120)}) == turned


def test_a_zoom_is_wider_by_what_it_shows_not_by_its_pixels() -> None:
    pair = Pair("whole", "zoom", Relation.SAME_SCAN, Transform(scale=0.25))
    assert wider_first(pair, {"whole": (160, 120), "zoom": (320, 240)}) == pair


def saved(folder: Path, gray: np.ndarray, mask: np.ndarray | None) -> Case:
    write_png(folder / "x.png", gray)
    if mask is not None:
        write_png(folder / "x_mask.png", mask)
    return Case("x", folder / "x.png", () if mask is None else (folder / "x_mask.png",), Label.BENIGN)


def test_a_large_image_is_reduced_with_its_mask(rng, tmp_path) -> None:
    read = still(saved(tmp_path, scene(rng, (400, 640)), disc((400, 640), 320, 200, 100)))
    assert read.gray.shape == (round(400 * SIDE / 640), SIDE)
    assert read.mask.shape == read.gray.shape
    assert read.mask.mean() == pytest.approx(np.pi * 100**2 / (400 * 640), rel=0.03)
    assert read.scale == SIDE / 640


def test_a_small_image_stays_as_it_is(rng, tmp_path) -> None:
    image = scene(rng)
    read = still(saved(tmp_path, image, None))
    assert (read.gray == image).all()
    assert (read.mask, read.scale) == (None, 1.0)
    assert 'aria-label="x"' in panels(read, read, IDENTITY).first


def test_a_mask_that_cannot_be_used_is_left_out(rng, tmp_path) -> None:
    read = still(saved(tmp_path, scene(rng), np.zeros((5, 5), bool)))
    assert read.mask is None
