"""Doubled maps written as copies."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from echoduet.export.doubling import copy_doubled
from echoduet.export.onnx import core_of
from echoduet.export.parity import made_up
from echoduet.export.quantise import quantise
from echoduet.inference.exported import SEEN
from echoduet.models.bundle import load_bundle

HALVES = [1.0, 1.0, 2.0, 2.0]
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def model(scales=HALVES, stored=True, **attributes):
    """Return x -> QuantizeLinear -> DequantizeLinear -> Resize -> y, or without the bytes in between."""
    constants = [
        numpy_helper.from_array(np.array(0.5, np.float32), "scale"),
        numpy_helper.from_array(np.array(3, np.uint8), "zero"),
        numpy_helper.from_array(np.array(scales, np.float32), "scales"),
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["bytes"], name="q"),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["read"], name="dq"),
        helper.make_node("Relu", ["x"], ["sharp"], name="relu"),
        helper.make_node(
            "Resize", ["read" if stored else "sharp", "", "scales"], ["larger"], name="r", **(NEAREST | attributes)
        ),
        helper.make_node("Identity", ["larger"], ["y"], name="i"),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 5, 4, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list("nchw"))],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def answers(made, **given):
    onnx.checker.check_model(made, full_check=True)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)


def resizes(made):
    return sum(node.op_type == "Resize" for node in made.graph.node)


@pytest.mark.parametrize("images", [1, 3])
def test_copies_are_what_the_resize_gave_and_the_graph_itself_stays(rng, images):
    made = model()
    before, x = made.SerializeToString(), rng.normal(size=(images, 5, 4, 6)).astype(np.float32) * 20
    copied = copy_doubled(made)
    assert (resizes(copied), made.SerializeToString()) == (0, before)
    (expected,), (got,) = answers(made, x=x), answers(copied, x=x)
    assert got.shape == (images, 5, 8, 12)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "other",
    [
        {"stored": False},
        {"scales": [1.0, 1.0, 2.0, 3.0]},
        {"mode": "linear"},
        {"coordinate_transformation_mode": "half_pixel"},
        {"nearest_mode": "ceil"},
    ],
    ids=str,
)
def test_what_is_no_doubling_of_bytes_by_nearest_pixels_stays(rng, other):
    made = model(**other)
    assert copy_doubled(made).graph.node == made.graph.node


def test_a_network_in_eight_bits_answers_the_same_to_the_last_bit(exported):
    quantised = quantise(core_of(*load_bundle(exported.bundle)), made_up(64, 4))
    copied = copy_doubled(quantised)
    assert resizes(copied) < resizes(quantised)
    pictures = made_up(64, 5)[:, None]
    for one, other in zip(answers(quantised, **{SEEN: pictures}), answers(copied, **{SEEN: pictures}), strict=True):
        np.testing.assert_array_equal(one, other)
