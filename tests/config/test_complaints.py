"""What is said about a key that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from echoduet.config.complaints import describe, describe_unknown, dotted_keys, nearest_key
from echoduet.config.schema import ExperimentConfig

KEYS = list(dotted_keys())


def test_keys_are_dotted_leaves():
    assert {"seed", "optim.epochs", "augment.gamma"} <= set(KEYS)
    assert "optim" not in KEYS
    assert len(KEYS) == len(set(KEYS))


@given(st.sampled_from(KEYS))
def test_a_right_key_is_nearest_to_itself(key):
    assert nearest_key(key) == key


@given(st.sampled_from([key for key in KEYS if len(key) > 9]), st.data())
def test_a_slip_of_one_letter_is_understood(key, data):
    at = data.draw(st.integers(0, len(key) - 1).filter(lambda i: key[i] != "."))
    assert nearest_key(key[:at] + key[at + 1 :]) is not None


@pytest.mark.parametrize(
    ("given_key", "meant"),
    [
        ("batchsize", "optim.batch_size"),
        ("model.arch", "model.architecture"),
        ("architecture", "model.architecture"),
        ("optim.lr_rate", "optim.learning_rate"),
        ("qqqq", None),
    ],
)
def test_nearest_key(given_key, meant):
    assert nearest_key(given_key) == meant


def test_an_unknown_key_far_from_all_is_answered_with_the_groups():
    assert "the top-level keys are name, description, seed" in describe_unknown("qqqq")


def refusal(values):
    """Return the schema's refusal of `values`."""
    with pytest.raises(ValidationError) as caught:
        ExperimentConfig.model_validate(values)
    return caught.value


def test_long_values_are_shortened():
    told = describe(refusal({"seed": list(range(10_000))}), "c.yaml", {})
    assert len(told) < 120


def test_one_complaint_is_made_once():
    told = describe(refusal({"optim": {"epochs": "many"}}), "c.yaml", {"optim.epochs": "--set"})
    assert told == '--set optim.epochs is "many", but should be a valid integer.'
