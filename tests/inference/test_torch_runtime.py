from __future__ import annotations

import numpy as np
import pytest
import torch

from echoduet.config.schema import ModelConfig
from echoduet.inference.torch_runtime import TorchRuntime
from echoduet.models.ensemble import Ensemble
from echoduet.models.registry import build_network


@pytest.fixture(scope="module")
def networks():
    config = ModelConfig(architecture="efficientnet_lite0")
    return [build_network(config, pretrained=False).eval() for _ in range(2)]


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (3, 64, 64), dtype=np.uint8)


@torch.inference_mode()
def test_each_member_answers_for_itself_and_their_mean_is_the_ensembles(networks, images):
    readings = TorchRuntime(Ensemble(networks)).read(images)
    assert (readings.lesion.shape, readings.lesion.dtype) == ((3, 2, 64, 64), np.float32)
    assert (readings.classes.shape, readings.classes.dtype) == ((3, 2, 3), np.float64)
    together = Ensemble(networks)(torch.from_numpy(images[:, None]).float() / 255)
    lesion = together.mask_logits[0].sigmoid().numpy()[:, 0]
    np.testing.assert_allclose(readings.lesion.mean(axis=1), lesion, atol=2e-6)
    np.testing.assert_allclose(readings.classes.mean(axis=1), together.class_logits.softmax(1).numpy(), atol=2e-6)


def test_a_network_alone_is_one_member(networks, images):
    alone = TorchRuntime(networks[0], channels_last=False).read(images)
    assert alone.lesion.shape == (3, 1, 64, 64)
    np.testing.assert_allclose(alone.classes.sum(axis=2), 1, rtol=1e-9)


@pytest.mark.parametrize(("tasks", "lesion"), [("segmentation", True), ("classification", False)])
def test_a_head_that_is_missing_answers_nothing(tasks, lesion, images):
    network = build_network(ModelConfig(architecture="efficientnet_lite0", tasks=tasks), pretrained=False)
    readings = TorchRuntime(network).read(images)
    assert (readings.lesion is not None) == lesion
    assert (readings.classes is not None) != lesion
