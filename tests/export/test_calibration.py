"""Images to calibrate on, and images to measure on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from echoduet.config.schema import PreprocessConfig
from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest, build_manifest
from echoduet.errors import DataError
from echoduet.export.calibration import digest, divide, read_pictures
from echoduet.records import Case, Label
from echoduet.transforms.preprocess import Preprocess


def manifest(count, **ties):
    labels = (Label.BENIGN, Label.MALIGNANT, Label.NORMAL)
    cases = [
        Case(f"{label}{i}", Path(f"{label}{i}.png"), (), label, **{key: tie(i) for key, tie in ties.items()})
        for label in labels
        for i in range(count)
    ]
    return Manifest(tuple(cases))


def test_a_fifth_of_the_cases_at_most_and_of_every_class():
    division = divide(manifest(20))
    assert len(division.calibration) == 12
    assert {case.label for case in division.calibration} == set(Label)
    assert len(division.measured) == 48
    assert not {c.case_id for c in division.calibration} & {c.case_id for c in division.measured}


def test_no_more_than_asked_for():
    assert len(divide(manifest(60), most=10).calibration) == 10


def test_what_is_tied_to_a_calibration_image_is_not_measured_on():
    division = divide(manifest(20, group=lambda i: f"g{i % 10}"))
    taken = {case.group for case in division.calibration}
    assert division.measured
    assert not taken & {case.group for case in division.measured}
    by_group = {}
    for case, number in zip(division.measured, division.groups, strict=True):
        by_group.setdefault(case.group, set()).add(number)
    assert all(len(numbers) == 1 for numbers in by_group.values())


@pytest.mark.parametrize("cases", [manifest(1).cases[:1], manifest(3, group=lambda i: "one").cases])
def test_too_few_cases_are_refused(cases):
    with pytest.raises(DataError, match="too few to calibrate"):
        divide(Manifest(cases))


def test_pictures_are_what_the_network_sees(miniature_busi):
    cases, preprocess = build_manifest(miniature_busi).cases[:3], Preprocess(PreprocessConfig(size=64))
    pictures = read_pictures(cases, preprocess)
    np.testing.assert_array_equal(pictures[1], preprocess.image(read_gray(cases[1].image)))
    assert digest(pictures) == digest(pictures.copy(order="F"))
    assert digest(pictures) != digest(pictures[::-1])
    with pytest.raises(DataError, match=r"gone\.png"):
        read_pictures([replace(cases[0], image=Path("gone.png"))], preprocess)
