"""Graphs asked without EchoDuet."""

from __future__ import annotations

import numpy as np
import pytest

from echoduet.export.plain import compare_whole, open_plainly
from echoduet.inference.predictor import Predictor


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_outputs_have_their_names(exported, runtime, rng):
    outputs = open_plainly(exported.graph(runtime))(rng.integers(0, 256, (2, 1, 70, 50), dtype=np.uint8))
    assert outputs["lesion"].shape == (2, 1, 70, 50)
    assert outputs["probabilities"].shape == (2, 3)
    assert all(outputs[name].dtype == np.float32 for name in ("lesion", "probabilities", "lesion_members"))


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_the_graph_alone_answers_as_echoduet_does(exported, runtime, rng):
    reference = Predictor.load(exported.bundle, "cpu", runtime="torch")
    images = [(str(i), rng.integers(0, 256, (90 - 7 * i, 40 + 11 * i), dtype=np.uint8)) for i in range(5)]
    parity = compare_whole(reference, exported.graph(runtime), images)
    assert (parity.images, parity.changed, parity.alike) == (5, 0, 1.0)
    assert parity.probability < 1e-4
