"""Convolutions in eight bits."""

from __future__ import annotations

import logging

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper

from echoduet.export.onnx import core_of
from echoduet.export.parity import made_up
from echoduet.export.quantise import quantise
from echoduet.inference.exported import SEEN
from echoduet.models.bundle import load_bundle


@pytest.fixture(scope="module")
def core(exported):
    return core_of(*load_bundle(exported.bundle))


@pytest.fixture(scope="module")
def quantised(core):
    return quantise(core, made_up(64, 6))


def answers(model, pictures):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {SEEN: pictures[:, None]})


def test_answers_stay_near(core, quantised):
    pictures = made_up(64, 9)[6:]
    for exact, rounded in zip(answers(core, pictures), answers(quantised, pictures), strict=True):
        assert exact.shape == rounded.shape
        assert 0 < np.abs(exact - rounded).mean() < 0.05


def test_weights_are_bytes_with_a_scale_per_channel(core, quantised):
    kinds = {tensor.name: numpy_helper.to_array(tensor).dtype for tensor in quantised.graph.initializer}
    convolutions = sum(node.op_type == "Conv" for node in core.graph.node)
    assert sum(kind == np.int8 for kind in kinds.values()) >= convolutions
    assert quantised.ByteSize() < 0.5 * core.ByteSize()
    assert {node.domain for node in quantised.graph.node} <= {"", "ai.onnx"}


def test_the_exact_graph_stays_as_it_was_and_logging_too(core):
    before = core.SerializeToString()
    quantise(core, made_up(64, 1))
    assert core.SerializeToString() == before
    assert logging.getLogger().isEnabledFor(logging.WARNING)
