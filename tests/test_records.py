"""The nouns that every room shares."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from echoduet.records import CLASSES, Case, Label, Prediction

CASE = Case("benign (1)", Path("benign (1).png"), (), Label.BENIGN)


def test_the_order_of_classes_is_that_of_the_logits():
    assert CLASSES == ("benign", "malignant", "normal")
    assert [label.position for label in CLASSES] == [0, 1, 2]
    assert set(CLASSES) == set(Label)


def test_a_label_is_its_word():
    assert Label("malignant") is Label.MALIGNANT
    assert f"{Label.NORMAL}" == "normal"
    assert json.dumps({"label": Label.BENIGN}) == '{"label": "benign"}'
    with pytest.raises(ValueError, match="cyst"):
        Label("cyst")


def test_cases_are_values():
    assert replace(CASE) == CASE
    assert len({CASE, replace(CASE)}) == 1
    assert replace(CASE, group="g1") != CASE
    # Processes hand them to each other.
    assert pickle.loads(pickle.dumps(CASE)) == CASE


@pytest.mark.parametrize("record", [CASE, Prediction("x", None, None, None)])
def test_records_are_frozen_and_take_no_further_names(record):
    with pytest.raises(FrozenInstanceError):
        record.case_id = "other"
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(record, "surplus", 1)
