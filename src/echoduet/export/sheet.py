"""Writing an ONNX graph down, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PREFIX = "echoduet/"
"""Of every name that is given here: what a tracer made has other ones."""


class Sheet:
    """Nodes and constants under way; a tensor is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._count = 0

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node of one output and return that; `name` it to find it again."""
        output = name or self._new(operator)
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, value: NDArray[Any], name: str | None = None) -> str:
        """Add a constant and return its name."""
        given = name or self._new("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(value), given))
        return given

    def whole(self, *values: int) -> str:
        """Add whole numbers as a constant, `(N,)` int64."""
        return self.constant(np.array(values, np.int64))

    def real(self, value: float) -> str:
        """Add a number as a constant, float32 without dimensions."""
        return self.constant(np.array(value, np.float32))

    def either(self, condition: str, then: Sheet, then_is: str, otherwise: Sheet, otherwise_is: str) -> str:
        """Add a choice of two ways to one tensor; only the one taken is computed.

        Args:
            condition: one boolean.
            then: the nodes where it is true; their constants become this sheet's.
            then_is: what they result in.
            otherwise: the nodes where it is false.
            otherwise_is: what they result in.
        """
        branches = []
        for way, result in ((then, then_is), (otherwise, otherwise_is)):
            self.constants += way.constants
            branches.append(
                helper.make_graph(way.nodes, self._new("way"), [], [helper.make_empty_tensor_value_info(result)])
            )
        return self.add("If", condition, then_branch=branches[0], else_branch=branches[1])

    def branch(self) -> Sheet:
        """Return an empty sheet for a way that `either` takes; its names are not those of this one."""
        way = Sheet()
        self._count += 1
        way._count = 1000 * self._count
        return way

    def _new(self, what: str) -> str:
        self._count += 1
        return f"{PREFIX}{what}_{self._count}"


def value_info(name: str, kind: int, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    """Return what a graph says about an input or output; a text in `shape` names a side that is free."""
    return helper.make_tensor_value_info(name, kind, shape)


UINT8, INT64, FLOAT = TensorProto.UINT8, TensorProto.INT64, TensorProto.FLOAT
