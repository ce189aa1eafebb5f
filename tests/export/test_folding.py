"""Paddings that become part of a convolution."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from echoduet.export.folding import fold_paddings

HALF = [0, 0, 0, 0, 0, 0, 1, 1]


def model(pads=HALF, mode="constant", value=None, own=(0, 0, 0, 0), reader="Conv", second=False):
    """Return x -> Pad -> Conv -> y, with what makes folding right or wrong."""
    weight = np.random.default_rng(0).normal(size=(2, 3, 3, 3)).astype(np.float32)
    constants = [numpy_helper.from_array(np.array(pads), "pads"), numpy_helper.from_array(weight, "w")]
    inputs = ["x", "pads"]
    if value is not None:
        constants.append(numpy_helper.from_array(np.array(value, np.float32), "value"))
        inputs.append("value")
    nodes = [helper.make_node("Pad", inputs, ["padded"], mode=mode)]
    if reader == "Conv":
        nodes.append(helper.make_node("Conv", ["padded", "w"], ["y"], strides=[2, 2], pads=own))
    else:
        nodes.append(helper.make_node(reader, ["padded"], ["y"]))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, list("nchw"))]
    if second:
        nodes.append(helper.make_node("Relu", ["padded"], ["z"]))
        outputs.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, list("nchw")))
    graph = helper.make_graph(
        nodes, "test", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])], outputs, constants
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def answer(made):
    """Run a model on one fixed image."""
    onnx.checker.check_model(made)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)})


def operators(made):
    return [node.op_type for node in made.graph.node]


@pytest.mark.parametrize(
    "how", [{}, {"value": 0.0}, {"own": (1, 1, 1, 1)}, {"pads": [0, 0, 2, 1, 0, 0, 0, 1]}], ids=str
)
def test_a_padding_of_zeros_goes_into_the_convolution(how):
    made = model(**how)
    before = answer(made)
    folded = fold_paddings(made)
    assert operators(folded) == ["Conv"]
    assert {tensor.name for tensor in folded.graph.initializer} == {"w"}
    np.testing.assert_allclose(answer(folded)[0], before[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "how",
    [
        {"mode": "reflect"},
        {"value": 1.0},
        {"pads": [0, 0, -1, 0, 0, 0, 0, 0]},
        {"pads": [0, 0, 1, 1, 1, 0, 1, 1], "reader": "Relu"},
        {"reader": "Relu"},
        {"second": True},
    ],
    ids=str,
)
def test_any_other_stays(how):
    made = model(**how)
    before = answer(made)
    folded = fold_paddings(made)
    assert operators(folded)[0] == "Pad"
    for one, other in zip(answer(folded), before, strict=True):
        np.testing.assert_array_equal(one, other)
