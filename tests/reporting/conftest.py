"""A small evaluation and a small curation to report on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest

from echoduet.curation.pipeline import Curation, Rules, conclude
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.curation.settings import Policy
from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest
from echoduet.evaluation.cases import CaseScore, score_case
from echoduet.records import CLASSES, Case, GrayImage, Label, Mask, Prediction

P = TypeVar("P", GrayImage, Mask)

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


SCAN = (96, 120)


def scan(rng: np.random.Generator, shape: tuple[int, int] = SCAN) -> GrayImage:
    """A smooth picture with structure everywhere."""
    smooth = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 3.0)
    return np.clip(120 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def disc(x: float, y: float, radius: float, shape: tuple[int, int] = SCAN) -> Mask:
    """A round lesion."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(columns - x, rows - y) <= radius


def laid_under(picture: P, transform: Transform, shape: tuple[int, int] = SCAN) -> P:
    """Make the picture that the transform lays over the given one."""
    inverse = cv2.invertAffineTransform(transform.matrix)
    moved = cv2.warpAffine(picture.astype(np.uint8), inverse, (shape[1], shape[0]), flags=cv2.INTER_LINEAR)
    return moved.astype(picture.dtype)


CROPPED = Transform(dx=20, dy=10)
FLIPPED = Transform(mirrored=True, dx=SCAN[1] - 1)

PAIRS = (
    Pair("benign (1)", "benign (2)", Relation.SAME_SCAN, CROPPED, 0.5, 0.93, 0.99),
    Pair("benign (3)", "normal (1)", Relation.SAME_SCAN, FLIPPED, 1.0, 0.97, 0.98),
    Pair("malignant (1)", "malignant (2)", Relation.COPY),
    Pair("malignant (3)", "malignant (4)", Relation.SAME_SCENE, Transform(rotation=4, dx=3), 0.9, 0.4, 0.8),
)
"""A crop with another mask, a mirrored lesion among the normals, a copy, and another frame."""


@pytest.fixture
def related(tmp_path: Path, rng: np.random.Generator) -> Manifest:
    """Ten images, eight of them related as in `PAIRS`, each with its mask."""
    a, b, c, d = (scan(rng) for _ in range(4))
    lesion = disc(60, 45, 14)
    pictures: dict[str, tuple[GrayImage, Mask]] = {
        "benign (1)": (a, lesion),
        "benign (2)": (laid_under(a, CROPPED, (70, 80)), disc(65, 55, 9, (70, 80))),
        "benign (3)": (b, lesion),
        "benign (4)": (scan(rng), lesion),
        "malignant (1)": (c, lesion),
        "malignant (2)": (c, lesion),
        "malignant (3)": (d, lesion),
        "malignant (4)": (laid_under(d, PAIRS[3].transform), lesion),
        "malignant (5)": (scan(rng), lesion),
        "normal (1)": (laid_under(b, FLIPPED), np.zeros(SCAN, dtype=bool)),
    }
    cases = []
    for case_id, (image, mask) in pictures.items():
        files = tmp_path / "set" / f"{case_id}.png", tmp_path / "set" / f"{case_id}_mask.png"
        write_png(files[0], image)
        write_png(files[1], mask)
        label = Label(case_id.partition(" ")[0])
        cases.append(
            Case(case_id, files[0], files[1:], label, source="set", width=image.shape[1], height=image.shape[0])
        )
    return Manifest(tuple(cases), "set")


@pytest.fixture
def curation(related: Manifest) -> Curation:
    """What is concluded from those pairs, with keep-one; nothing is found about single images."""
    return replace(conclude(related, PAIRS, Rules(Policy.KEEP_ONE)), scores={}, flags={})
