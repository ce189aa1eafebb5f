"""What eight bits cost."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from echoduet.data.manifest import build_manifest
from echoduet.export.calibration import divide
from echoduet.export.loss import GOAL, Loss, Points, measure_loss
from echoduet.export.parity import Tally
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtime import Readings

NOTHING = Tally().result()


class Known:
    """Answers with one mask and one class, whatever it sees."""

    name = "known"
    background = False
    members = 1

    def __init__(self, lesion, label):
        self.lesion, self.label = lesion, label

    def read(self, images):
        shape = (len(images), 1, *images.shape[1:])
        classes = np.full((len(images), 1, 3), 0.1)
        classes[:, :, self.label] = 0.8
        return Readings(np.full(shape, self.lesion, np.float32), classes)


@pytest.fixture
def division(miniature_busi):
    return divide(build_manifest(miniature_busi))


def predictor(exported_info, lesion, label):
    config = exported_info.config.model_copy(
        update={"inference": exported_info.config.inference.model_copy(update={"refining": "none", "flip": False})}
    )
    return Predictor(Known(lesion, label), replace(exported_info, config=config))


def test_the_loss_is_float32_minus_int8_in_points(exported, division):
    info = Predictor.load(exported.onnx).info
    benign = sum(case.label == "benign" for case in division.measured)
    malignant = sum(case.label == "malignant" for case in division.measured)
    normal = sum(case.label == "normal" for case in division.measured)
    count = len(division.measured)
    loss = measure_loss(predictor(info, 0.0, 0), predictor(info, 0.0, 1), division)
    assert loss.dice == Points(0.0, (0.0, 0.0))
    assert loss.accuracy.lost == pytest.approx(100 * (benign - malignant) / count)
    low, high = loss.accuracy.interval
    assert low <= loss.accuracy.lost <= high
    assert loss.parity.changed == count
    worse = measure_loss(predictor(info, 0.0, 0), predictor(info, 1.0, 0), division)
    assert worse.accuracy.lost == 0
    assert worse.dice.lost < 100 * normal / count  # an empty mask is right for every normal image, a full one never
    assert worse.parity.dice_least == 0


def test_an_answer_alike_loses_nothing(exported, division):
    one, other = (Predictor.load(exported.bundle, "cpu", runtime="torch"), Predictor.load(exported.onnx, "cpu"))
    loss = measure_loss(one, other, division)
    assert (loss.dice.lost, loss.accuracy.lost) == pytest.approx((0, 0), abs=0.02)
    assert loss.within_goal
    json.dumps(loss.plain(), allow_nan=False)
    assert "not a score" in loss.plain()["meaning"]


@pytest.mark.parametrize(
    ("dice", "accuracy", "within"),
    [(GOAL, GOAL, True), (GOAL + 0.01, 0.0, False), (-3.0, 0.6, False), (-3.0, None, True), (None, None, True)],
)
def test_half_a_point_may_be_lost(dice, accuracy, within):
    points = [None if value is None else Points(value, None) for value in (dice, accuracy)]
    assert Loss(*points, NOTHING).within_goal is within


def test_it_is_told_with_its_interval():
    told = Loss(Points(0.123, (-0.5, 0.75)), Points(-1.0, None), NOTHING).told()
    assert told == "points lost to eight bits: Dice +0.12 (-0.50 to +0.75); accuracy -1.00"
