"""The graph's preprocessing against Pillow's."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import helper

from echoduet.config.schema import PreprocessConfig
from echoduet.export.resampling import place, to_image, to_input
from echoduet.export.sheet import FLOAT, UINT8, Sheet, value_info
from echoduet.transforms.preprocess import Preprocess

SIDES = st.integers(1, 420)


@cache
def session(config):
    """Return a graph that brings an image to the input, and the input's values back to the image."""
    sheet = Sheet()
    shape = sheet.add("Shape", "image")
    height, width = (sheet.add("Gather", shape, sheet.whole(axis)) for axis in (2, 3))
    where = place(sheet, config, height, width)
    seen = to_input(sheet, "image", where, config.interpolation == "nearest")
    back = to_image(sheet, sheet.add("Cast", seen, to=FLOAT), where)
    outputs = [
        value_info(seen, UINT8, ["b", 1, config.size, config.size]),
        value_info(back, FLOAT, ["b", 1, "h", "w"]),
    ]
    graph = helper.make_graph(
        sheet.nodes, "test", [value_info("image", UINT8, ["b", 1, "h", "w"])], outputs, sheet.constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@given(height=SIDES, width=SIDES, aspect=st.sampled_from(["squash", "pad"]), seed=st.integers(0, 9))
@settings(max_examples=80)
@example(130, 97, "squash", 0)  # the first height at which Pillow 13 begins with the rows
@example(131, 97, "squash", 0)
@example(128, 40, "pad", 0)
def test_the_input_is_pillows_to_the_bit_and_the_way_back_to_rounding(height, width, aspect, seed):
    config = PreprocessConfig(size=64, aspect=aspect)
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    seen, back = session(config).run(None, {"image": image[None, None]})
    preprocess = Preprocess(config)
    np.testing.assert_array_equal(seen[0, 0], preprocess.image(image))
    expected = preprocess.restore(seen[0, 0].astype(np.float32), image.shape)
    np.testing.assert_allclose(back[0, 0], expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(1200, 1600), (1700, 900)])
def test_so_it_is_for_large_images(rng, shape):
    config = PreprocessConfig(size=192)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    seen, _ = session(config).run(None, {"image": image[None, None]})
    np.testing.assert_array_equal(seen[0, 0], Preprocess(config).image(image))


def test_larger_ones_are_off_by_a_gray_level_at_most(rng):
    config = PreprocessConfig(size=64)
    image = rng.integers(0, 256, (50, 3000), dtype=np.uint8)
    seen, _ = session(config).run(None, {"image": image[None, None]})
    assert np.abs(seen[0, 0].astype(int) - Preprocess(config).image(image)).max() <= 1


@given(height=SIDES, width=SIDES, aspect=st.sampled_from(["squash", "pad"]))
@settings(max_examples=20)
def test_nearest_takes_pillows_pixels_but_where_two_are_equally_near(height, width, aspect):
    config = PreprocessConfig(size=64, aspect=aspect, interpolation="nearest")
    ramp = np.add.outer(np.arange(height) // 2, np.arange(width) // 2).clip(0, 255).astype(np.uint8)
    seen, _ = session(config).run(None, {"image": ramp[None, None]})
    assert np.abs(seen[0, 0].astype(int) - Preprocess(config).image(ramp)).max() <= 1


def test_images_of_a_batch_do_not_mix(rng):
    config = PreprocessConfig(size=32)
    images = rng.integers(0, 256, (4, 1, 41, 50), dtype=np.uint8)
    seen, _ = session(config).run(None, {"image": images})
    for image, answer in zip(images, seen, strict=True):
        np.testing.assert_array_equal(answer[0], Preprocess(config).image(image[0]))
