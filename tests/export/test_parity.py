"""How far two ways of answering lie apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from echoduet.errors import ModelError
from echoduet.export.parity import Tally, largest_difference, made_up, pairs, require_same
from echoduet.inference.answers import Views
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtime import Readings
from echoduet.records import Label, Prediction


class Shifted:
    """Answers as another runtime does, but for a constant."""

    name = "shifted"
    background = False

    def __init__(self, runtime, lesion=0.0):
        self.runtime, self.lesion, self.members = runtime, lesion, runtime.members

    def read(self, images):
        readings = self.runtime.read(images)
        return Readings((readings.lesion + self.lesion).astype(np.float32), readings.classes)


@pytest.fixture(scope="module")
def reference(exported):
    return Predictor.load(exported.bundle, "cpu", runtime="torch")


def prediction(mask, probabilities=(0.7, 0.2, 0.1), label=Label.BENIGN):
    return Prediction("a", np.array(mask, bool), np.array(probabilities), label)


def test_a_tally_counts_masks_and_classes():
    tally = Tally()
    tally.add(prediction([[1, 1, 0, 0]]), prediction([[1, 1, 0, 0]]))
    tally.add(prediction([[1, 1, 0, 0]]), prediction([[1, 0, 0, 0]], (0.2, 0.7, 0.1), Label.MALIGNANT))
    tally.add(prediction([[0, 0, 0, 0]]), prediction([[0, 0, 0, 0]]))
    parity = tally.result()
    assert (parity.images, parity.changed) == (3, 1)
    assert parity.probability == pytest.approx(0.5)
    assert parity.dice_least == pytest.approx(2 / 3)
    assert parity.dice_mean == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert parity.alike == pytest.approx(2 / 3)
    assert "3 images" in parity.told()
    assert "1 classes changed" in parity.told()


def test_what_is_not_answered_is_not_compared():
    tally = Tally()
    tally.add(Prediction("a", None, np.array([1.0, 0, 0]), Label.BENIGN), prediction([[1]]))
    parity = tally.result()
    assert (parity.dice_least, parity.alike, parity.changed) == (None, None, 0)
    assert "masks" not in parity.told()


def test_images_are_drawn_once_and_few_are_held(reference):
    drawn = []

    def images():
        for i in range(40):
            drawn.append(i)
            yield str(i), np.zeros((40, 40), np.uint8)

    first = Predictor(reference.runtime, reference.info, batch_size=4)
    answers = pairs(first, Predictor(reference.runtime, reference.info, batch_size=4), images())
    next(answers)
    assert len(drawn) <= 8


def test_a_graph_that_answers_otherwise_is_refused(reference, tmp_path):
    require_same(reference, Predictor(Shifted(reference.runtime, 1e-5), reference.info), tmp_path)
    graph = tmp_path / "graph.onnx"
    for wrong in (0.01, np.inf):
        with pytest.raises(ModelError, match=r"graph\.onnx|not numbers"):
            require_same(reference, Predictor(Shifted(reference.runtime, wrong), reference.info), graph)


def test_the_largest_difference_is_that_of_any_probability():
    one = Views(np.zeros((2, 1, 4, 4), np.float32), np.zeros((2, 1, 3)), 1)
    other = replace(one, classes=one.classes.copy())
    other.classes[1, 0, 2] = -0.25
    assert largest_difference(one, other) == 0.25


def test_made_up_pictures_differ_and_stay_the_same():
    pictures = made_up(64)
    assert (pictures.shape, pictures.dtype) == ((3, 64, 64), np.uint8)
    np.testing.assert_array_equal(pictures, made_up(64))
    assert all(picture.std() > 20 for picture in pictures)
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 10
