"""Burnt-in graphics are found where they were drawn, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echoduet.curation.quality.overlays import LARGEST, overlay_mask, shrink_overlay
from echoduet.data.overlays import Overlay

BOTH = Overlay(calipers=True, text=True)


@pytest.mark.parametrize("width", [256, 400, 760])
@pytest.mark.parametrize("seed", range(4))
def test_most_ink_is_marked_and_hardly_any_tissue(drawn, seed, width) -> None:
    picture = drawn(BOTH, seed, width)
    marked = overlay_mask(picture.image)
    beside = cv2.dilate(picture.ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (marked & picture.ink).sum() >= 0.6 * picture.ink.sum()
    assert (marked & ~beside).mean() < 0.001


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width", [256, 560])
def test_a_scan_without_graphics_has_next_to_no_mark(phantom, seed, width) -> None:
    assert overlay_mask(phantom(seed, width)).mean() < 0.0005


def test_calipers_of_any_ink_are_marked(phantom) -> None:
    image = phantom()
    for ink in (180, 255):
        image[300:303, 200:217], image[293:310, 207:210] = ink, ink
        assert overlay_mask(image)[293:310, 207:210].mean() > 0.9


def test_a_glint_that_stands_alone_is_no_graphics(phantom) -> None:
    image = phantom()
    image[300, 200:203] = 255
    assert not overlay_mask(image)[295:306, 195:208].any()


def test_a_smooth_bright_line_is_tissue() -> None:
    rows = np.arange(200)[:, None]
    fascia = (40 + 200 * np.exp(-(((rows - 100) / 3.0) ** 2))).astype(np.uint8).repeat(300, axis=1)
    assert not overlay_mask(fascia).any()


def test_thick_strokes_of_a_large_picture_are_found_at_its_own_size(phantom) -> None:
    image = phantom()
    image[300:302, 200:217], image[293:310, 207:209] = 240, 240
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    assert max(large.shape) > LARGEST
    marked = overlay_mask(large)
    assert marked.shape == large.shape
    assert marked[3 * 293 : 3 * 310, 3 * 207 : 3 * 209].mean() > 0.6


def test_a_shrunk_mask_keeps_every_mark() -> None:
    mask = np.zeros((400, 600), bool)
    mask[7, 13] = mask[399, 599] = True
    small = shrink_overlay(mask, (128, 192))
    assert small.shape == (128, 192)
    assert small[2, 4]
    assert small[127, 191]
    assert small.sum() <= 8
    assert (shrink_overlay(mask, mask.shape) == mask).all()


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_any_picture_has_a_mask_of_its_shape_and_stays_as_it_is(gray) -> None:
    before = gray.copy()
    mask = overlay_mask(gray)
    assert mask.shape == gray.shape
    assert mask.dtype == np.bool_
    assert (gray == before).all()
    assert (overlay_mask(gray) == mask).all()
