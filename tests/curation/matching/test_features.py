from __future__ import annotations

import hashlib

import numpy as np
import pytest

from echoduet.curation.matching.features import extract, pixel_hash, shrunk, tabulate
from echoduet.curation.matching.settings import MatchSettings


def test_an_image_is_described_at_the_working_size(phantom):
    image = phantom(1)
    features = extract(image, MatchSettings(side=96, features=60))
    assert max(features.picture.shape) == 96
    assert (features.width, features.height) == (image.shape[1], image.shape[0])
    assert 20 < len(features.points) <= 60
    assert features.descriptors.shape == (len(features.points), 128)
    assert (features.points[:, :2] >= 0).all()
    assert (features.points[:, :2] < features.picture.shape[::-1]).all()


def test_the_description_is_the_same_every_time(phantom, described):
    one, other = described(phantom(2)), described(phantom(2))
    np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_array_equal(one.descriptors, other.descriptors)


def test_a_flat_image_has_no_features(described):
    features = described(np.full((90, 120), 40, np.uint8))
    assert features.points.shape == (0, 4)
    assert features.descriptors.shape == (0, 128)


def test_no_feature_lies_on_a_caliper(phantom, described):
    image = phantom(3).copy()
    for x in (60, 90, 120, 150):
        image[80:82, x - 6 : x + 7] = 250
        image[74:88, x : x + 2] = 250
    features = described(image)
    assert features.overlay.any()
    columns, rows = np.round(features.points[:, :2]).astype(int).T
    assert not features.overlay[np.minimum(rows, features.overlay.shape[0] - 1), columns].any()


def test_the_hash_knows_size_and_pixels():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert pixel_hash(image) == hashlib.sha256(b"3x4:" + bytes(range(12))).hexdigest()
    assert pixel_hash(image) != pixel_hash(image.reshape(4, 3))
    assert pixel_hash(image[:, ::-1]) == pixel_hash(np.ascontiguousarray(image[:, ::-1]))


@pytest.mark.parametrize(("shape", "expected"), [((30, 40), (96, 128)), ((400, 200), (128, 64)), ((1000, 8), (128, 1))])
def test_every_image_comes_to_one_size(shape, expected):
    assert shrunk(np.zeros(shape, np.uint8), 128).shape == expected


def test_a_table_gives_back_what_it_was_made_of(phantom, described):
    features = [described(phantom(1)), described(np.zeros((20, 30), np.uint8)), described(phantom(2)[:100])]
    table = tabulate(features, 192)
    assert len(table) == 3
    for i, one in enumerate(features):
        for name in ("pixels", "width", "height", "picture", "overlay", "points", "descriptors"):
            np.testing.assert_array_equal(getattr(table[i], name), getattr(one, name))


def test_a_table_may_be_empty():
    assert len(tabulate([], 192)) == 0
