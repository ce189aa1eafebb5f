"""Maps of eight bits that are doubled in size, written as copies, which onnxruntime makes several times as fast.

onnxruntime keeps such maps with the channels of a pixel side by side, and its `Resize` then takes one number at a time.
The same said as copies takes all channels of a pixel at a time, and gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_NEAREST = {"mode": b"nearest", "coordinate_transformation_mode": b"asymmetric", "nearest_mode": b"floor"}

Shape = tuple[int, int, int]


def copy_doubled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with every map of eight bits that a `Resize` makes of twice the size by nearest pixels as copies.

    Args:
        model: whose quantised maps stand between `DequantizeLinear` and `QuantizeLinear`, and have fixed sizes but for
            the number of images.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    shapes = _shapes(model)
    makers = {name: node for node in model.graph.node for name in node.output}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        stored = makers.get(node.input[0]) if node.op_type == "Resize" else None
        if stored is None or stored.op_type != "DequantizeLinear" or not _doubles(node, shapes):
            nodes.append(node)
            continue
        copies, constants = _copies(node, stored, shapes[node.input[0]])
        nodes.extend(copies)
        made.graph.initializer.extend(constants)
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def _doubles(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> bool:
    said = {attribute.name: attribute.s for attribute in node.attribute}
    before, after = shapes.get(node.input[0]), shapes.get(node.output[0])
    nearest = all(said.get(name) == value for name, value in _NEAREST.items())
    return nearest and before is not None and after == (before[0], 2 * before[1], 2 * before[2])


def _copies(
    node: onnx.NodeProto, stored: onnx.NodeProto, shape: Shape
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return the nodes, and their constants, that stand for `node`, whose input `(N, C, H, W)` is `stored` as bytes."""
    channels, height, width = shape
    (result,) = node.output  # names of nodes may be missing or equal, those of values are neither
    apart, together = f"{result}/apart", f"{result}/together"
    constants = [
        numpy_helper.from_array(np.array([0, height, 1, width, 1, channels], np.int64), apart),
        numpy_helper.from_array(np.array([0, 2 * height, 2 * width, channels], np.int64), together),
    ]
    nodes: list[onnx.NodeProto] = []

    def added(operator: str, *given: str, **attributes: Any) -> str:
        output = f"{result}/{len(nodes)}"
        nodes.append(helper.make_node(operator, given, [output], name=output, **attributes))
        return output

    pixels = added("Transpose", stored.input[0], perm=[0, 2, 3, 1])
    single = added("Reshape", pixels, apart)
    beside = added("Concat", single, single, axis=4)  # every pixel beside itself
    below = added("Concat", beside, beside, axis=2)  # every row below itself
    doubled = added("Transpose", added("Reshape", below, together), perm=[0, 3, 1, 2])
    read = onnx.NodeProto()
    read.CopyFrom(stored)
    read.name, read.input[0], read.output[0] = f"{result}/read", doubled, result
    return [*nodes, read], constants


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    """Return channels, height and width of every map `(N, C, H, W)` that has them fixed."""
    found = {}
    for value in onnx.shape_inference.infer_shapes(model).graph.value_info:
        sides = value.type.tensor_type.shape.dim
        if len(sides) == 4 and all(side.dim_value for side in sides[1:]):
            found[value.name] = (sides[1].dim_value, sides[2].dim_value, sides[3].dim_value)
    return found
