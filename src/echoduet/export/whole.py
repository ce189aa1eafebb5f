"""A graph that needs nothing beside it: any gray image in, answers at its own size out.

Inputs: `image`, `(B, 1, H, W)` uint8. Where the bundle reads mirror images too there is `views` besides, how many of an
image and its mirror image are read: 2 unless one is asked for with 1.

Outputs: `lesion`, `(B, 1, H, W)`, and `probabilities`, `(B, 3)`, are the answer: means over members and views, the
latter at the bundle's temperature. `lesion_members`, `(B, M, S, S)`, and `class_members`, `(B, M, 3)`, are what each
member reads in the image as it is. All are float32; what a network does not do is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from echoduet.evaluation.temperature import FLOOR
from echoduet.export.core import OPSET
from echoduet.export.resampling import Place, place, to_image, to_input
from echoduet.export.sheet import FLOAT, UINT8, Sheet, value_info
from echoduet.inference.exported import (
    CLASS_MEMBERS,
    CLASSES_SEEN,
    IMAGE,
    LESION_MAP,
    LESION_MEMBERS,
    LESION_SEEN,
    PROBABILITIES,
    SEEN,
    VIEWS,
)
from echoduet.models.info import BundleInfo
from echoduet.records import CLASSES

_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is known about the images that came in, and how they are read.

    Attributes:
        number: how many there are, `(1,)`.
        views: how often each is read, `(1,)`; None where that is once, always.
        place: where they lie on the network's input.
        fits: whether they have the network's size already.
        size: side of the network's input, S.
    """

    number: str
    views: str | None
    place: Place
    fits: str
    size: int


def wrap(core: onnx.ModelProto, info: BundleInfo) -> onnx.ModelProto:
    """Return the whole graph around the members' one.

    Args:
        core: what `trace_core` returns, quantised or not.
        info: of the bundle: preprocessing, mirror images and temperature follow it.
    """
    sheet, given = Sheet(), {output.name for output in core.graph.output}
    batch = _described(sheet, info)
    _add_input(sheet, batch, info)
    middle = len(sheet.nodes)
    outputs = []
    if LESION_SEEN in given:
        outputs += _add_lesion(sheet, batch, info.config.model.members)
    if CLASSES_SEEN in given:
        outputs += _add_classes(sheet, batch, info)
    nodes = [*sheet.nodes[:middle], *core.graph.node, *sheet.nodes[middle:]]
    inputs = [value_info(IMAGE, UINT8, ["batch", 1, "height", "width"])]
    if batch.views:
        inputs.append(value_info(VIEWS, onnx.TensorProto.INT64, [1]))
    graph = helper.make_graph(nodes, "echoduet", inputs, outputs, [*core.graph.initializer, *sheet.constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="echoduet")
    model.ir_version = core.ir_version
    onnx.checker.check_model(model)
    return model


def _described(sheet: Sheet, info: BundleInfo) -> _Batch:
    shape = sheet.add("Shape", IMAGE)
    number, height, width = (sheet.add("Gather", shape, sheet.whole(axis)) for axis in (0, 2, 3))
    size = info.config.preprocess.size
    views = sheet.constant(np.array([2]), VIEWS) if info.config.inference.flip else None
    side = sheet.whole(size)
    both = sheet.add("And", sheet.add("Equal", height, side), sheet.add("Equal", width, side))
    fits = sheet.add("Squeeze", both, sheet.whole(0))
    return _Batch(number, views, place(sheet, info.config.preprocess, height, width), fits, size)


def _add_input(sheet: Sheet, batch: _Batch, info: BundleInfo) -> None:
    as_it_is, resized = sheet.branch(), sheet.branch()
    nearest = info.config.preprocess.interpolation == "nearest"
    seen = sheet.either(
        batch.fits,
        as_it_is,
        as_it_is.add("Identity", IMAGE),
        resized,
        to_input(resized, IMAGE, batch.place, nearest),
    )
    square = sheet.add("Reshape", seen, sheet.whole(-1, 1, batch.size, batch.size))
    if batch.views is None:
        sheet.add("Identity", square, name=SEEN)
        return
    both = sheet.add("Concat", square, _mirrored(sheet, square), axis=0)
    sheet.add("Slice", both, sheet.whole(0), sheet.add("Mul", batch.number, batch.views), sheet.whole(0), name=SEEN)


def _mirrored(sheet: Sheet, planes: str) -> str:
    return sheet.add("Slice", planes, sheet.whole(-1), sheet.whole(-_LAST), sheet.whole(-1), sheet.whole(-1))


def _add_lesion(sheet: Sheet, batch: _Batch, members: int) -> list[onnx.ValueInfoProto]:
    plain = _plain(sheet, batch, LESION_SEEN, LESION_MEMBERS)
    mean = _mean(sheet, batch, LESION_SEEN, plain, (members, batch.size, batch.size), turn=True)
    as_it_is, resized = sheet.branch(), sheet.branch()
    restored = sheet.either(
        batch.fits, as_it_is, as_it_is.add("Identity", mean), resized, to_image(resized, mean, batch.place)
    )
    sheet.add("Identity", restored, name=LESION_MAP)
    return [
        value_info(LESION_MAP, FLOAT, ["batch", 1, "height", "width"]),
        value_info(LESION_MEMBERS, FLOAT, ["batch", members, batch.size, batch.size]),
    ]


def _add_classes(sheet: Sheet, batch: _Batch, info: BundleInfo) -> list[onnx.ValueInfoProto]:
    members = info.config.model.members
    plain = _plain(sheet, batch, CLASSES_SEEN, CLASS_MEMBERS)
    mean = _mean(sheet, batch, CLASSES_SEEN, plain, (members, len(CLASSES)), turn=False)
    mean = sheet.add("Reshape", mean, sheet.whole(-1, len(CLASSES)))
    temperature = info.thresholds.get("temperature", 1.0)
    logits = sheet.add("Log", sheet.add("Max", mean, sheet.real(FLOOR)))
    # At a temperature of 1 the softmax of a logarithm is the probability itself.
    sheet.add("Softmax", sheet.add("Div", logits, sheet.real(temperature)), name=PROBABILITIES, axis=-1)
    return [
        value_info(PROBABILITIES, FLOAT, ["batch", len(CLASSES)]),
        value_info(CLASS_MEMBERS, FLOAT, ["batch", members, len(CLASSES)]),
    ]


def _plain(sheet: Sheet, batch: _Batch, answers: str, name: str) -> str:
    if batch.views is None:
        return sheet.add("Identity", answers, name=name)
    return sheet.add("Slice", answers, sheet.whole(0), batch.number, sheet.whole(0), name=name)


def _mean(sheet: Sheet, batch: _Batch, answers: str, plain: str, shape: tuple[int, ...], turn: bool) -> str:
    """Add the mean over views and members, `(B, 1, ...)` of answers `(V B, M, ...)`."""
    if batch.views is None:
        return sheet.add("ReduceMean", answers, sheet.whole(1), keepdims=1)
    views = answers
    if turn:
        second = sheet.add("Slice", answers, batch.number, sheet.whole(_LAST), sheet.whole(0))
        views = sheet.add("Concat", plain, _mirrored(sheet, second), axis=0)
    apart = sheet.add("Concat", batch.views, batch.number, sheet.whole(*shape), axis=0)
    mean = sheet.add("ReduceMean", sheet.add("Reshape", views, apart), sheet.whole(0, 2), keepdims=1)
    return sheet.add("Squeeze", mean, sheet.whole(0))
