from __future__ import annotations

import numpy as np
import pytest

from echoduet.errors import ModelError
from echoduet.inference.answers import read_views
from echoduet.inference.runtime import Readings


class Members:
    """The first member sees the image's own values, the second twice those; classes by the first column."""

    name = "by hand"
    background = False

    def __init__(self, count=2, lesion=True, classes=True, value=None):
        self.count, self.lesion, self.classes, self.value, self.seen = count, lesion, classes, value, []

    @property
    def members(self):
        return self.count

    def read(self, images):
        self.seen.append(images.copy())
        plane = images.astype(np.float32) / 255
        lesion = np.stack([plane * (k + 1) for k in range(self.count)], axis=1) / self.count
        share = plane[:, :, 0].mean(axis=1).astype(np.float64)
        classes = np.repeat(np.stack([share, 1 - share, 0 * share], axis=1)[:, None], self.count, axis=1)
        if self.value is not None:
            lesion[0, 0, 0, 0] = self.value
        return Readings(lesion if self.lesion else None, classes if self.classes else None)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (3, 8, 8), dtype=np.uint8)


def test_without_the_mirror_image_each_member_reads_once(images):
    views = read_views(Members(), images, mirrored=False)
    assert (views.number, views.counted) == (2, 2)
    answer = views.answer(1, "a", (50, 60))
    assert (answer.case_id, answer.shape) == ("a", (50, 60))
    np.testing.assert_allclose(answer.lesion, images[1] / 255 * 0.75, atol=1e-6)
    assert answer.lesion.dtype == np.float32
    assert answer.classes.dtype == np.float64


def test_the_mirror_image_is_read_mirrored_and_turned_back(images):
    runtime = Members(count=1)
    views = read_views(runtime, images, mirrored=True)
    np.testing.assert_array_equal(runtime.seen[1], images[:, :, ::-1])
    assert runtime.seen[1].flags.c_contiguous
    assert (views.number, views.counted) == (2, 2)
    np.testing.assert_allclose(views.lesion[:, 0], views.lesion[:, 1])  # this network sees every pixel for itself
    expected = (images[0, :, 0].mean() + images[0, :, -1].mean()) / 2 / 255
    assert views.answer(0, "a", (8, 8)).classes[0] == pytest.approx(expected, abs=1e-6)


def test_a_second_reading_for_the_spread_does_not_change_the_answer(images):
    plain, twice = (read_views(Members(count=1), images, False, at_least_two=two) for two in (False, True))
    assert (plain.number, twice.number, twice.counted) == (1, 2, 1)
    np.testing.assert_array_equal(plain.answer(0, "a", (8, 8)).classes, twice.answer(0, "a", (8, 8)).classes)
    assert read_views(Members(count=2), images, False, at_least_two=True).number == 2


@pytest.mark.parametrize(("lesion", "classes"), [(True, False), (False, True)])
def test_a_missing_head_stays_missing(images, lesion, classes):
    views = read_views(Members(lesion=lesion, classes=classes), images, mirrored=True)
    answer = views.answer(0, "a", (8, 8))
    assert (answer.lesion is not None, answer.classes is not None) == (lesion, classes)
    assert views.number == 4


def test_a_network_without_heads_and_one_that_broke_are_named(images):
    with pytest.raises(ModelError, match="neither outlines nor classifies"):
        read_views(Members(lesion=False, classes=False), images, mirrored=False)
    with pytest.raises(ModelError, match="not numbers"):
        read_views(Members(value=np.nan), images, mirrored=False)


@pytest.mark.parametrize("heads", [{}, {"lesion": False}, {"classes": False}])
def test_one_image_and_its_mirror_image_are_read_together(images, heads):
    alone = Members(**heads)
    views, of_three = read_views(alone, images[:1], mirrored=True), read_views(Members(**heads), images, mirrored=True)
    assert [len(seen) for seen in alone.seen] == [2]
    assert (views.number, views.counted) == (of_three.number, of_three.counted) == (4, 4)
    for one, other in ((views.lesion, of_three.lesion), (views.classes, of_three.classes)):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one[0], other[0])


def test_an_image_that_is_read_again_for_the_spread_only_is_read_together_with_its_mirror_image(images):
    alone = Members(count=1)
    views = read_views(alone, images[:1], mirrored=False, at_least_two=True)
    assert [len(seen) for seen in alone.seen] == [2]
    assert (views.number, views.counted) == (2, 1)
    np.testing.assert_array_equal(views.answer(0, "a", (8, 8)).lesion, (images[0] / 255).astype(np.float32))
