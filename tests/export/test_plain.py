"""Graphs asked without EchoDuet."""

from __future__ import annotations

import numpy as np
import pytest

from echoduet.export.plain import decide, open_plainly
from echoduet.records import Label


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_outputs_have_their_names(exported, runtime, rng):
    outputs = open_plainly(exported.graph(runtime))(rng.integers(0, 256, (2, 1, 70, 50), dtype=np.uint8))
    assert outputs["lesion"].shape == (2, 1, 70, 50)
    assert outputs["probabilities"].shape == (2, 3)
    assert all(outputs[name].dtype == np.float32 for name in ("lesion", "probabilities", "lesion_members"))


def test_outputs_are_decided_at_the_threshold():
    lesion = np.array([[[[0.2, 0.5], [0.4, 0.9]]]], np.float32)
    answer = decide("a", {"lesion": lesion, "probabilities": np.array([[0.2, 0.7, 0.1]], np.float32)}, 0.4)
    np.testing.assert_array_equal(answer.mask, [[False, True], [True, True]])
    assert answer.label is Label.MALIGNANT
    np.testing.assert_allclose(answer.probabilities, [0.2, 0.7, 0.1], atol=1e-7)


@pytest.mark.parametrize("name", ["lesion", "probabilities"])
def test_what_is_not_answered_is_left_out(name):
    outputs = {"lesion": np.zeros((1, 1, 2, 2), np.float32), "probabilities": np.full((1, 3), 1 / 3, np.float32)}
    answer = decide("a", {name: outputs[name]}, 0.5)
    assert (answer.mask is None, answer.label is None) == (name != "lesion", name != "probabilities")
