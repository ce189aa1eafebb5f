import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import ndimage

from echoduet.errors import OutputError
from echoduet.inference.overlay import COLOURS, NO_CLASS, caption, contour, draw_overlay, write_overlay
from echoduet.records import CLASSES, Label, Prediction

masks = arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20)))


def prediction(mask, probabilities=(0.7, 0.2, 0.1), label=Label.BENIGN):
    return Prediction("case", mask, None if probabilities is None else np.array(probabilities), label)


def lesion(height=120, width=200):
    mask = np.zeros((height, width), bool)
    mask[30:80, 50:120] = True
    return mask


@given(masks, st.integers(1, 3))
def test_contour_is_the_mask_without_its_inside(mask, thickness):
    expected = mask & ~ndimage.binary_erosion(mask, iterations=thickness)
    np.testing.assert_array_equal(contour(mask, thickness), expected)


@given(masks)
def test_every_lesion_has_a_contour(mask):
    assert contour(mask).any() == mask.any()


@pytest.mark.parametrize("label", CLASSES)
def test_the_contour_has_the_colour_of_the_class_and_the_rest_of_the_image_stays(label, rng):
    image, mask = rng.integers(0, 255, (120, 200), dtype=np.uint8), lesion()
    drawn = draw_overlay(image, prediction(mask, label=label))
    rim = contour(mask)
    assert (drawn[:120, :200][rim] == COLOURS[label]).all()
    np.testing.assert_array_equal(drawn[:120, :200][~rim], np.repeat(image[~rim][:, None], 3, axis=1))


def test_the_answer_is_written_below_the_image():
    drawn = draw_overlay(np.zeros((120, 400), np.uint8), prediction(np.zeros((120, 400), bool)))
    assert drawn.shape[0] > 120
    assert drawn.shape[1] == 400
    assert not drawn[:120].any()
    assert drawn[120:].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (16, 16)])
def test_an_image_too_narrow_for_words_is_widened(shape):
    drawn = draw_overlay(np.zeros(shape, np.uint8), prediction(np.ones(shape, bool)))
    assert drawn.shape[0] > shape[0]
    assert drawn.shape[1] >= max(40, shape[1])


@pytest.mark.parametrize("shape", [(120, 400), (120, 200), (3, 3), (600, 900)])
def test_the_notice_of_research_use_stands_below_every_answer_and_fits(shape):
    image, answer = np.zeros(shape, np.uint8), prediction(None)
    drawn = draw_overlay(image, answer)
    white = (drawn == 255).all(axis=2)
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    answered = np.flatnonzero((drawn == COLOURS[Label.BENIGN]).all(axis=2).any(axis=1))
    assert shape[0] <= answered[0] < answered[-1] < rows[0] < rows[-1] < drawn.shape[0] - 1
    assert 0 < columns[0] < columns[-1] < drawn.shape[1] - 1


def test_the_caption_shortens_to_what_fits():
    long, middle, short = caption(prediction(lesion()))
    assert long == "benign 70 %   (malignant 20 %, normal 10 %)"
    assert (middle, short) == ("benign 70 %", "benign")


def test_the_caption_tells_what_refining_did():
    nothing = prediction(np.zeros((9, 9), bool), label=Label.NORMAL)
    assert caption(nothing)[0] == "normal, since nothing is outlined   (benign 70 %, malignant 20 %, normal 10 %)"


@pytest.mark.parametrize(
    ("mask", "words"), [(lesion(), "lesion outlined"), (np.zeros((9, 9), bool), "no lesion outlined")]
)
def test_a_model_without_classes_says_what_it_saw(mask, words):
    answer = prediction(mask, None, None)
    assert caption(answer) == (words,)
    assert (draw_overlay(np.zeros(mask.shape, np.uint8), answer) == NO_CLASS).all(axis=2).any()


def test_a_model_without_masks_draws_only_the_answer():
    drawn = draw_overlay(np.zeros((120, 400), np.uint8), prediction(None))
    assert not drawn[:120].any()
    assert drawn[120:].any()


def test_write_overlay_leaves_a_readable_png_and_nothing_else(tmp_path):
    write_overlay(tmp_path / "deep" / "a.png", np.zeros((120, 200), np.uint8), prediction(lesion()))
    with Image.open(tmp_path / "deep" / "a.png") as picture:
        assert picture.mode == "RGB"
        assert picture.size[0] == 200
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.png"]


def test_write_overlay_names_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        write_overlay(tmp_path / "file" / "a.png", np.zeros((9, 9), np.uint8), prediction(np.ones((9, 9), bool)))
