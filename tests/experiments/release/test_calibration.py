"""What a probability of malignant was worth: bins that can be counted by hand, and torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from echoduet.evaluation.cases import CaseScore
from echoduet.experiments.release.calibration import malignant_calibration
from echoduet.records import Label


def case(number, label, p_malignant, group=None):
    rest = None if p_malignant is None else (1 - p_malignant) / 2
    return CaseScore(
        case_id=str(number), label=label, group=group, fold=number % 2, height=8, width=8,
        p_benign=rest, p_malignant=p_malignant, p_normal=rest,
    )  # fmt: skip


def test_bins_can_be_counted_by_hand():
    scores = [case(i, Label.MALIGNANT if i < 3 else Label.BENIGN, 0.72) for i in range(4)]
    scores += [case(i, Label.NORMAL, 0.04) for i in range(4, 8)]
    found = malignant_calibration(scores)
    assert found["n"] == 8
    assert found["bins"] == [
        {"from": 0.0, "to": 0.1, "n": 4, "mean": 0.04, "malignant": 0},
        {"from": 0.7, "to": 0.8, "n": 4, "mean": 0.72, "malignant": 3},
    ]
    assert found["ece"] == pytest.approx((4 * 0.04 + 4 * 0.03) / 8)


def test_the_error_is_that_of_torchmetrics(rng):
    p = rng.random(400)
    labels = [
        Label.MALIGNANT if drawn < share**1.5 else Label.BENIGN for drawn, share in zip(rng.random(400), p, strict=True)
    ]
    found = malignant_calibration(
        [case(i, label, float(x)) for i, (label, x) in enumerate(zip(labels, p, strict=True))]
    )
    truth = torch.tensor([label is Label.MALIGNANT for label in labels]).long()
    theirs = binary_calibration_error(torch.from_numpy(p), truth, n_bins=10, norm="l1")
    assert found["ece"] == pytest.approx(float(theirs), abs=1e-6)
    low, high = found["ci95"]
    assert 0 < low < high


def test_copies_are_resampled_together():
    alone = [case(i, Label.MALIGNANT if i % 3 else Label.BENIGN, 0.15 + 0.1 * (i % 8)) for i in range(40)]
    tied = [case(i, one.label, one.p_malignant, f"g{i // 8}") for i, one in enumerate(alone)]
    assert malignant_calibration(alone)["ece"] == malignant_calibration(tied)["ece"]
    assert malignant_calibration(alone)["ci95"] != malignant_calibration(tied)["ci95"]
    assert malignant_calibration([case(i, Label.BENIGN, 0.5, "g") for i in range(5)])["ci95"] is None


def test_cases_without_probabilities_do_not_count():
    assert malignant_calibration([case(0, Label.BENIGN, None)]) is None
    assert malignant_calibration([case(0, Label.BENIGN, None), case(1, Label.BENIGN, 0.0)])["n"] == 1


def test_certain_and_right_has_no_error():
    scores = [case(i, Label.MALIGNANT if i % 2 else Label.NORMAL, float(i % 2)) for i in range(10)]
    assert malignant_calibration(scores)["ece"] == 0.0
    assert np.isfinite(malignant_calibration(scores)["ci95"]).all()
