from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.relations import IDENTITY, Pair, Relation, Transform

transforms = st.builds(
    Transform,
    mirrored=st.booleans(),
    rotation=st.floats(-180, 180),
    scale=st.floats(0.25, 4),
    dx=st.floats(-500, 500),
    dy=st.floats(-500, 500),
)


def square(transform: Transform) -> np.ndarray:
    return np.vstack([transform.matrix, [0, 0, 1]])


@given(transforms)
def test_the_inverse_undoes_the_transform(transform):
    np.testing.assert_allclose(square(transform) @ square(transform.inverse()), np.eye(3), atol=1e-6)


@given(transforms)
def test_the_matrix_is_a_similarity_of_that_scale(transform):
    linear = transform.matrix[:, :2]
    np.testing.assert_allclose(linear @ linear.T, np.eye(2) * transform.scale**2, atol=1e-9)
    assert (np.linalg.det(linear) < 0) == transform.mirrored


def test_a_mirrored_picture_lands_on_its_original():
    picture = np.arange(12).reshape(3, 4)
    mirrored = picture[:, ::-1]
    x, y = Transform(mirrored=True, dx=3).matrix @ (0, 1, 1)
    assert mirrored[1, 0] == picture[int(y), int(x)]


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (IDENTITY, "in place"),
        (Transform(mirrored=True, dx=99), "mirrored"),
        (Transform(mirrored=True, rotation=180, dy=80), "upside down"),
        (Transform(mirrored=True, rotation=-178, dy=80), "upside down, rotated by 2.0 degrees"),
        (
            Transform(rotation=3, scale=1.2, dx=12, dy=-3),
            "rotated by 3.0 degrees, scaled by 1.20, shifted by (12, -3) px",
        ),
    ],
)
def test_a_transform_is_told_in_words(transform, words):
    assert transform.describe() == words


def test_a_pair_told_from_the_other_side_is_the_same_pair():
    pair = Pair("a", "b", Relation.SAME_SCAN, Transform(scale=2, dx=10), 0.5, 0.9, 0.99)
    back = pair.reversed()
    assert (back.case_a, back.case_b, back.transform) == ("b", "a", Transform(scale=0.5, dx=-5, dy=-0.0))
    assert back.reversed() == pair
