from __future__ import annotations

import cv2
import numpy as np
import pytest

from echoduet.curation.matching.alignment import MIRRORED, align, rooted
from echoduet.curation.relations import Transform


def corners_apart(found: Transform, true: Transform, side: int = 192) -> float:
    corners = np.array([(0, 0, 1), (side, 0, 1), (0, side, 1), (side, side, 1)]).T
    return float(np.abs(found.matrix @ corners - true.matrix @ corners).max())


@pytest.mark.parametrize(
    "true",
    [
        Transform(),
        Transform(scale=1.3, dx=-20, dy=-12),
        Transform(rotation=12, dx=14, dy=-9),
        Transform(mirrored=True, dx=191),
        Transform(mirrored=True, rotation=180, dy=140),
        Transform(mirrored=True, rotation=-7, scale=0.8, dx=170, dy=30),
    ],
)
def test_a_transform_is_found_again(phantom, described, true):
    a = described(phantom(1))
    back = true.inverse().matrix
    height, width = a.picture.shape
    b = described(cv2.warpAffine(a.picture, back, (width, height)))
    scale = 192 / max(height, width)
    assert scale == 1
    found = align(a, b, true.mirrored)
    assert found is not None
    assert found.transform.mirrored == true.mirrored
    assert corners_apart(found.transform, true) < 2.0
    assert found.inliers > 20
    assert found.strain < 0.3


def test_unrelated_pictures_have_next_to_nothing_in_common(phantom, described):
    pictures = [described(phantom(seed)) for seed in range(6)]
    found = [align(a, b, m) for i, a in enumerate(pictures) for b in pictures[:i] for m in (False, True)]
    assert max(each.inliers for each in found if each) < 10


def test_moved_tissue_strains(phantom, described):
    image = phantom(4)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    bent = cv2.remap(image, columns + 3 * np.sin(rows / 25), rows + 3 * np.cos(columns / 30), cv2.INTER_LINEAR)
    found = align(described(image), described(bent), False)
    assert found is not None
    assert found.strain > 0.5


def test_pictures_without_features_cannot_be_aligned(phantom, described):
    flat = described(np.zeros((90, 120), np.uint8))
    assert align(flat, described(phantom(1)), False) is None
    assert align(flat, flat, True) is None


def test_mirrored_descriptors_are_those_of_the_mirrored_picture(phantom, described):
    picture = described(phantom(5)).picture
    a, b = described(picture), described(np.ascontiguousarray(picture[:, ::-1]))
    likeness = rooted(a.descriptors) @ rooted(b.descriptors[:, MIRRORED]).T
    assert np.median(likeness.max(axis=1)) > 0.99
    assert np.median((rooted(a.descriptors) @ rooted(b.descriptors).T).max(axis=1)) < 0.95
    assert (MIRRORED[MIRRORED] == np.arange(128)).all()
