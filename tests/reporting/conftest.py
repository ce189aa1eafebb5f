"""A small evaluation to report on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from echoduet.evaluation.cases import CaseScore, score_case
from echoduet.records import CLASSES, Label, Mask, Prediction

SHAPE = (48, 64)

Both = tuple[list[CaseScore], list[CaseScore]]


def box(top: int, left: int, side: int) -> Mask:
    """A square lesion."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.fixture
def scores(rng: np.random.Generator) -> Callable[..., Both]:
    """Make raw and refined scores: good, poor and missed outlines, false alarms, wrong classes."""

    def make(n: int = 24, masks: bool = True, classes: bool = True, folds: int = 2) -> Both:
        raw, refined = [], []
        for i in range(n):
            label = CLASSES[i % 3]
            reference = np.zeros(SHAPE, dtype=bool) if label is Label.NORMAL else box(10, 12, 16)
            mask = box(10, 12 + i % 9, 16) if i % 4 else np.zeros(SHAPE, dtype=bool)
            p = rng.dirichlet(1 + 2.0 * (np.arange(3) == label.position))
            answer = CLASSES[int(p.argmax())]
            emptied = np.zeros_like(mask) if answer is Label.NORMAL else mask
            for rows, shown in ((raw, mask), (refined, emptied if classes else mask)):
                named = Label.NORMAL if masks and rows is refined and not shown.any() else answer
                prediction = Prediction(
                    f"{label} ({i})", shown if masks else None, p if classes else None, named if classes else None
                )
                fold = i % folds if folds else None
                rows.append(score_case(prediction.case_id, label, None, fold, prediction, reference))
        return raw, refined

    return make
