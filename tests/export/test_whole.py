"""Graphs that need nothing beside them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoduet.export.onnx import core_of, whole_graph
from echoduet.export.plain import open_plainly
from echoduet.inference.exported import GraphInfo
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle

OUTPUTS = {"lesion", "probabilities", "lesion_members", "class_members"}


@pytest.fixture(scope="module")
def reference(exported):
    return Predictor.load(exported.bundle, "cpu", runtime="torch")


@pytest.fixture(scope="module", params=["onnx", "openvino"])
def ask(request, exported):
    return open_plainly(exported.graph(request.param))


def expected(predictor, image):
    """Return the probability map at the image's size and the class probabilities that EchoDuet answers."""
    (answer,) = predictor.answers([("a", image)])
    return predictor.preprocess.restore(answer.lesion, answer.shape), predictor.prediction(answer).probabilities


@given(height=st.integers(8, 150), width=st.integers(8, 150), seed=st.integers(0, 99))
@settings(max_examples=12)
def test_any_size_is_answered_as_echoduet_answers_it(reference, exported, height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    outputs = open_plainly(exported.onnx)(image[None, None])
    lesion, probabilities = expected(reference, image)
    np.testing.assert_allclose(outputs["lesion"][0, 0], lesion, atol=1e-4)
    np.testing.assert_allclose(outputs["probabilities"][0], probabilities, atol=1e-4)


def test_each_format_answers_at_the_images_size_and_at_the_networks(ask, reference, rng):
    for shape in ((90, 131), (64, 64), (131, 70)):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        outputs = ask(image[None, None])
        assert set(outputs) >= OUTPUTS
        lesion, probabilities = expected(reference, image)
        np.testing.assert_allclose(outputs["lesion"][0, 0], lesion, atol=1e-4)
        np.testing.assert_allclose(outputs["probabilities"][0], probabilities, atol=1e-4)
        assert outputs["probabilities"].sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_batch_is_its_images_one_by_one(ask, count, rng):
    images = rng.integers(0, 256, (count, 1, 40, 77), dtype=np.uint8)
    together = ask(images)
    assert together["lesion"].shape == images.shape
    assert together["lesion_members"].shape == (count, 2, 64, 64)
    assert together["class_members"].shape == (count, 2, 3)
    for index, image in enumerate(images):
        alone = ask(image[None])
        for name in OUTPUTS:
            np.testing.assert_allclose(together[name][index], alone[name][0], atol=1e-4)


def test_members_are_read_in_the_image_as_it_is(ask, reference, rng):
    image = rng.integers(0, 256, (64, 64), dtype=np.uint8)
    outputs, readings = ask(image[None, None]), reference.runtime.read(image[None])
    np.testing.assert_allclose(outputs["lesion_members"], readings.lesion, atol=1e-4)
    np.testing.assert_allclose(outputs["class_members"], readings.classes, atol=1e-4)


def test_one_view_may_be_asked_for_instead_of_two(exported, rng):
    session = onnxruntime.InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
    image = rng.integers(0, 256, (1, 1, 64, 64), dtype=np.uint8)
    (two,) = session.run(["lesion"], {"image": image})
    (one,) = session.run(["lesion"], {"image": image, "views": np.array([1])})
    (turned,) = session.run(["lesion"], {"image": image[..., ::-1].copy(), "views": np.array([1])})
    np.testing.assert_allclose(two, (one + turned[..., ::-1]) / 2, atol=1e-5)
    assert np.abs(two - one).max() > 1e-4
    assert [value.name for value in session.get_inputs()] == ["image"]


VARIANTS = [
    ("both", {"temperature": 1.0}),
    ("segmentation", {"preprocess": {"size": 64, "aspect": "pad"}, "inference": {"flip": True}}),
    ("classification", {"inference": {"flip": True}}),
    ("classification", {"preprocess": {"size": 64, "aspect": "pad", "interpolation": "nearest"}}),
]


@pytest.mark.parametrize(("tasks", "sections"), VARIANTS, ids=str)
def test_every_kind_of_bundle_is_answered_for(tasks, sections, save_untrained, tmp_path, rng):
    model = {"architecture": "efficientnet_lite0_shallow", "tasks": tasks}
    bundle = save_untrained(model=model, **sections)
    network, info = load_bundle(bundle)
    core = core_of(network, info)
    path = tmp_path / "graph.onnx"
    path.write_bytes(whole_graph(core, GraphInfo(info, "0")).SerializeToString())
    image = rng.integers(0, 256, (52, 75), dtype=np.uint8)
    outputs, predictor = open_plainly(path)(image[None, None]), Predictor.load(bundle, "cpu", runtime="torch")
    (answer,) = predictor.answers([("a", image)])
    assert ("lesion" in outputs, "probabilities" in outputs) == (tasks != "classification", tasks != "segmentation")
    if answer.lesion is not None:
        lesion = predictor.preprocess.restore(answer.lesion, answer.shape)
        np.testing.assert_allclose(outputs["lesion"][0, 0], lesion, atol=1e-4)
    if answer.classes is not None:
        np.testing.assert_allclose(outputs["probabilities"][0], predictor.prediction(answer).probabilities, atol=1e-4)
