"""Paddings of zeros made part of the convolution behind them, which every program pads faster itself."""

from __future__ import annotations

import onnx
from onnx import helper, numpy_helper


def fold_paddings(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model`, changed in place: a `Pad` whose only reader is a `Conv` is gone, and the convolution pads."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    kept = {output.name for output in graph.output}
    folded = [
        node
        for node in graph.node
        if node.op_type == "Pad" and node.output[0] not in kept and _fold(node, readers[node.output[0]], constants)
    ]
    for node in folded:
        graph.node.remove(node)
    _drop_unread(graph)
    return model


def _fold(node: onnx.NodeProto, readers: list[onnx.NodeProto], constants: dict[str, onnx.TensorProto]) -> bool:
    """Let the reader pad instead, and tell whether that could be."""
    pads = _spatial_pads(node, constants)
    if pads is None or len(readers) != 1 or readers[0].op_type != "Conv" or readers[0].input[0] != node.output[0]:
        return False
    (reader,) = readers
    own = {attribute.name: attribute for attribute in reader.attribute}
    if "auto_pad" in own and own["auto_pad"].s not in (b"NOTSET", b""):
        return False
    if "pads" in own:
        pads = [pad + already for pad, already in zip(pads, own["pads"].ints, strict=True)]
        reader.attribute.remove(own["pads"])
    reader.attribute.append(helper.make_attribute("pads", pads))
    reader.input[0] = node.input[0]
    return True


def _spatial_pads(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> list[int] | None:
    """Return what a node pads `(N, C, H, W)` by, `[top, left, bottom, right]`; None where not zeros around H, W."""
    mode = next((attribute.s for attribute in node.attribute if attribute.name == "mode"), b"constant")
    if mode != b"constant" or len(node.input) > 3 or node.input[1] not in constants:
        return None
    if len(node.input) == 3 and node.input[2]:
        value = constants.get(node.input[2])
        if value is None or numpy_helper.to_array(value).any():
            return None
    pads = [int(pad) for pad in numpy_helper.to_array(constants[node.input[1]])]
    if len(pads) != 8 or min(pads) < 0 or any(pads[i] for i in (0, 1, 4, 5)):
        return None
    return [pads[2], pads[3], pads[6], pads[7]]


def _drop_unread(graph: onnx.GraphProto) -> None:
    read = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)
