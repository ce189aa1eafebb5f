"""Each transform does what its description says, to the image and to the masks alike."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.tampering import RELATIONS, Tampering, draw_tampering, redraw, tamper


@pytest.fixture
def scan(rng):
    """A picture of noise, 120 by 160, with one round mask."""
    z, x = np.mgrid[:120, :160]
    return rng.integers(0, 256, (120, 160), dtype=np.uint8), (np.hypot(x - 70, z - 50) < 25,)


def dice(a, b):
    """Return 2|A and B| / (|A| + |B|)."""
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("change", [Tampering(), Tampering("calipers", calipers=True), Tampering("text", text=True)])
def test_pixels_stay_where_only_overlays_differ(scan, rng, change):
    image, masks = tamper(*scan, change, rng)
    assert (image == scan[0]).all()
    assert (masks[0] == scan[1][0]).all()


def test_flip_mirrors_image_and_mask(scan, rng):
    image, masks = tamper(*scan, Tampering("flip", flip=True), rng)
    assert (image == scan[0][:, ::-1]).all()
    assert (masks[0] == scan[1][0][:, ::-1]).all()


def test_crop_keeps_the_part_it_names(scan, rng):
    image, masks = tamper(*scan, Tampering("crop", crop=(0.1, 0.05, 0.9, 0.8)), rng)
    assert (image == scan[0][6:96, 16:144]).all()
    assert (masks[0] == scan[1][0][6:96, 16:144]).all()


@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_scale_changes_the_size_and_not_the_place(scan, rng, scale):
    image, masks = tamper(*scan, Tampering("zoom", scale=scale), rng)
    assert image.shape == masks[0].shape == (round(120 * scale), round(160 * scale))
    assert masks[0].sum() == pytest.approx(scan[1][0].sum() * scale**2, rel=0.03)
    rows, columns = np.nonzero(masks[0])
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((70.5 * scale, 50.5 * scale), abs=0.6)


def test_gain_brightens_and_saturates(scan, rng):
    image, _ = tamper(*scan, Tampering("gain", gain=1.3), rng)
    assert image.dtype == np.uint8
    assert (image == np.minimum(255, np.rint(scan[0].astype(np.float32) * np.float32(1.3)))).all()


def test_a_redrawn_mask_agrees_as_annotators_do(scan, rng):
    mask = scan[1][0]
    agreement = [dice(redraw(mask, 0.15, rng), mask) for _ in range(30)]
    assert 0.7 < np.median(agreement) < 0.95
    assert max(agreement) < 1.0


def test_a_tiny_mask_never_vanishes_when_redrawn(rng):
    mask = np.zeros((20, 20), dtype=bool)
    mask[10, 10] = True
    assert all(redraw(mask, 0.5, rng).any() for _ in range(20))


def test_an_empty_mask_stays_empty(rng):
    assert not redraw(np.zeros((20, 20), dtype=bool), 0.2, rng).any()


def test_without_masks_there_are_none_after(scan, rng):
    _, masks = tamper(scan[0], (), Tampering("crop", crop=(0.1, 0.1, 0.9, 0.9), redrawn=0.1), rng)
    assert masks == ()


@given(st.sampled_from(RELATIONS), st.integers(0, 2**32 - 1))
def test_a_transform_does_what_its_relation_says_and_nothing_else(relation, seed):
    change = draw_tampering(relation, np.random.default_rng(seed))
    kinds = relation.split("+")
    assert change.relation == relation
    assert change.calipers == ("calipers" in kinds)
    assert change.text == ("text" in kinds)
    assert change.flip == ("flip" in kinds)
    assert (change.crop != (0.0, 0.0, 1.0, 1.0)) == bool({"crop", "zoom"} & set(kinds))
    assert (change.scale != 1.0) == ("zoom" in kinds)
    assert (change.gain != 1.0) == ("gain" in kinds)
    assert change.redrawn == 0 or relation != "exact"


@given(st.sampled_from(RELATIONS), st.integers(0, 2**32 - 1))
def test_the_description_says_all_that_differs(relation, seed):
    change = draw_tampering(relation, np.random.default_rng(seed))
    told = json.loads(change.describe())
    if "crop" in told:
        told["crop"] = tuple(told["crop"])
    assert replace(Tampering(relation), **told) == change


def test_a_crop_keeps_most_of_the_picture(rng):
    for _ in range(50):
        left, top, right, bottom = draw_tampering("crop", rng).crop
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert (right - left) * (bottom - top) > 0.5
