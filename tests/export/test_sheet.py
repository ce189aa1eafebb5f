"""Graphs written down node by node."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from echoduet.export.sheet import FLOAT, INT64, Sheet, value_info


def run(sheet, inputs, outputs, **given):
    """Run what stands on a sheet."""
    graph = helper.make_graph(sheet.nodes, "test", inputs, outputs, sheet.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)


def test_nodes_and_constants_make_a_graph():
    sheet = Sheet()
    total = sheet.add("Add", "x", sheet.real(0.5))
    sheet.add("Mul", total, sheet.constant(np.array([2, 4], np.float32)), name="y")
    (y,) = run(sheet, [value_info("x", FLOAT, [2])], [value_info("y", FLOAT, [2])], x=np.ones(2, np.float32))
    np.testing.assert_array_equal(y, [3, 6])


def test_whole_numbers_have_one_dimension():
    sheet = Sheet()
    sheet.add("Identity", sheet.whole(3, 4), name="y")
    (y,) = run(sheet, [], [value_info("y", INT64, [2])])
    assert (y.dtype, y.tolist()) == (np.int64, [3, 4])


@pytest.mark.parametrize(("chosen", "expected"), [(True, 1.0), (False, 2.0)])
def test_either_takes_one_way(chosen, expected):
    sheet = Sheet()
    one, other = sheet.branch(), sheet.branch()
    ways = (one, one.add("Identity", one.real(1)), other, other.add("Identity", other.real(2)))
    sheet.add("Identity", sheet.either("c", *ways), name="y")
    condition = value_info("c", onnx.TensorProto.BOOL, [])
    (y,) = run(sheet, [condition], [value_info("y", FLOAT, [])], c=np.array(chosen))
    assert y == expected


def test_no_two_tensors_have_one_name():
    sheet = Sheet()
    ways = [sheet.branch() for _ in range(3)]
    names = [place.add("Identity", "x") for place in (sheet, *ways) for _ in range(50)]
    names += [place.real(1) for place in (sheet, *ways) for _ in range(50)]
    assert len(set(names)) == len(names)
