from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.draw import polygon2mask

from echoduet.dicom.outlines import number_lesions, outline
from echoduet.errors import ShapeError

from .conftest import answer, outlined

masks = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


@settings(max_examples=60)
@given(mask=masks)
def test_every_pixel_of_the_mask_has_its_lesion(mask):
    analysis = answer(mask=mask)
    numbers = number_lesions(analysis)
    assert np.array_equal(numbers > 0, mask)
    for lesion in analysis.lesions:
        own = numbers == lesion.number
        assert ndimage.label(own, structure=np.ones((3, 3)))[1] == 1
        assert own.sum() * 0.1 * 0.125 == pytest.approx(lesion.area)


@settings(max_examples=60)
@given(mask=masks)
def test_a_polygon_holds_its_lesion_and_no_other_pixel(mask):
    analysis = answer(mask=mask)
    numbers = number_lesions(analysis)
    for lesion in analysis.lesions:
        corners = outline(numbers, lesion)
        assert np.array_equal(corners[0], corners[-1])
        assert (corners >= 0).all() and (corners <= mask.shape[::-1]).all()
        inside = polygon2mask(mask.shape, corners[:, ::-1] - 0.5)
        assert np.array_equal(inside, filled(numbers == lesion.number))


def filled(own):
    # What an 8-connected ring surrounds is found with 4-connected paths, as the contour goes.
    return ndimage.binary_fill_holes(own)


def test_a_single_pixel_is_a_diamond_about_its_centre(make_analysis):
    mask = np.zeros((4, 6), dtype=bool)
    mask[1, 2] = True
    analysis = make_analysis(mask=mask)
    corners = outline(number_lesions(analysis), analysis.lesions[0])
    assert {tuple(corner) for corner in corners} == {(2.5, 1.0), (3.0, 1.5), (2.5, 2.0), (2.0, 1.5)}


def test_refused_and_empty_pictures_have_no_lesion(make_analysis):
    assert not number_lesions(make_analysis(answered=False)).any()
    assert not number_lesions(make_analysis(lesions=0)).any()


def test_lesions_of_another_mask_are_refused(make_analysis):
    analysis = make_analysis(lesions=2)
    fewer = replace(analysis, lesions=analysis.lesions[:1])
    shifted = replace(analysis, refined=replace(analysis.refined, mask=np.roll(outlined(2), 1, axis=0)))
    for wrong in (fewer, shifted):
        with pytest.raises(ShapeError, match="not those of its mask"):
            number_lesions(wrong)
