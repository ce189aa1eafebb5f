"""A person's mask: beside the answer, never over it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from echoduet.inference.measurements import measure_lesions
from echoduet.records import Scan, Spacing
from echoduet.service.corrections import correct, read_mask, take_back
from echoduet.service.layers import mask_picture, png
from echoduet.service.limits import Limits
from echoduet.service.refusals import RefusedError
from echoduet.service.restoring import mask_of
from echoduet.service.schemas import Layer


@pytest.fixture
def mask():
    """Two lesions that nobody but a person sees."""
    mask = np.zeros((96, 128), bool)
    mask[10:20, 10:40] = mask[60:90, 70:90] = True
    return mask


def test_a_mask_is_kept_and_measured_and_the_answer_stays(keep, disc, mask):
    kept = keep(Scan("x", disc(), spacing=Spacing(0.1, 0.1)))
    answer, layers, size = kept.body, dict(kept.layers.pictures), kept.size
    grown = correct(kept, mask)
    assert kept.size == size + grown > size
    np.testing.assert_array_equal(mask_of(kept, Layer.CORRECTION), mask)
    measured = measure_lesions(mask, Spacing(0.1, 0.1))
    assert [lesion.area for lesion in kept.body.correction_lesions] == [lesion.area for lesion in measured]
    assert all(lesion.probability < 0.5 for lesion in kept.body.correction_lesions)  # the answer has none there
    assert kept.body.model_copy(update={"correction_lesions": None}) == answer
    assert {layer: kept.layers.pictures[layer] for layer in layers} == layers
    assert grown + take_back(kept) == 0
    assert (kept.body, dict(kept.layers.pictures)) == (answer, layers)


def test_a_second_mask_takes_the_place_of_the_first(keep, mask):
    kept = keep()
    correct(kept, mask)
    correct(kept, np.zeros_like(mask))
    assert kept.body.correction_lesions == []
    assert not mask_of(kept, Layer.CORRECTION).any()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
def test_masks_of_every_kind_of_png_are_read(keep, mask, mode):
    picture = Image.fromarray(mask_picture(mask)).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    np.testing.assert_array_equal(read_mask(buffer.getvalue(), keep(), Limits()), mask)


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"<html>", 415, "The mask is no PNG file"),
        (b"\x89PNG\r\n\x1a\n<html>", 422, "The mask: is damaged"),
        (png(np.zeros((95, 128), np.uint8)), 422, "The mask has 128 x 95 pixels, the frame 128 x 96"),
        (png(np.zeros((2000, 2000), np.uint8)), 422, "The mask: 2000x2000 pixels, more than"),
    ],
)
def test_what_is_no_mask_of_the_frame_is_refused(keep, content, status, sentence):
    with pytest.raises(RefusedError, match=sentence) as refused:
        read_mask(content, keep(), Limits(picture_pixels=1_000_000))
    assert refused.value.status == status
