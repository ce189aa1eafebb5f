from __future__ import annotations

import pytest
import torch
from torch import Tensor

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.ensemble import Ensemble, assemble, mean_sigmoid_logit, mean_softmax_logits
from echoduet.models.multitask import MultiTaskNet
from echoduet.models.registry import build_network

TASKS = ("both", "segmentation", "classification")


def members(tasks: str, count: int) -> list[MultiTaskNet]:
    config = ModelConfig(architecture="efficientnet_lite0", tasks=tasks)
    return [build_network(config).eval() for _ in range(count)]


@pytest.mark.parametrize("tasks", TASKS)
@torch.inference_mode()
def test_it_answers_with_the_mean_of_its_members_probabilities(tasks: str) -> None:
    networks, image = members(tasks, 3), torch.rand(2, 1, 64, 64)
    joined = Ensemble(networks)(image)
    outputs = [network(image) for network in networks]
    if tasks == "classification":
        assert joined.mask_logits == ()
    else:
        masks = torch.stack([output.mask_logits[0].sigmoid() for output in outputs]).mean(0)
        assert len(joined.mask_logits) == 1
        torch.testing.assert_close(joined.mask_logits[0].sigmoid(), masks, rtol=1e-5, atol=1e-6)
    if tasks == "segmentation":
        assert joined.class_logits is None
    else:
        classes = torch.stack([output.class_logits.softmax(1) for output in outputs]).mean(0)
        torch.testing.assert_close(joined.class_logits.softmax(1).float(), classes, rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_presence_is_averaged_too() -> None:
    config = ModelConfig(architecture="efficientnet_lite0", presence=True)
    networks, image = [build_network(config).eval() for _ in range(2)], torch.rand(2, 1, 64, 64)
    alone = torch.stack([network(image).presence_logit.sigmoid() for network in networks]).mean(0)
    torch.testing.assert_close(Ensemble(networks)(image).presence_logit.sigmoid(), alone)


def test_certainty_beyond_float32_stays_finite_and_in_order() -> None:
    logits = torch.tensor([[200.0, -200.0, 200.0], [300.0, -300.0, -200.0]])
    mean = mean_sigmoid_logit(logits)
    assert mean.isfinite().all()
    assert mean[0] > 90 > 1 > mean[2].abs()
    assert mean[1] < -90
    classes = mean_softmax_logits(torch.tensor([[[900.0, 0.0, -900.0]], [[0.0, 900.0, -900.0]]]))
    assert classes.isfinite().all()
    torch.testing.assert_close(classes.softmax(1), torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64))


def test_one_member_answers_for_itself() -> None:
    logits = torch.randn(1, 2, 1, 8, 8) * 5
    torch.testing.assert_close(mean_sigmoid_logit(logits), logits[0], rtol=1e-5, atol=1e-5)
    classes = torch.randn(1, 4, 3)
    torch.testing.assert_close(mean_softmax_logits(classes).softmax(1).float(), classes[0].softmax(1))


def test_equal_members_change_nothing() -> None:
    network = members("both", 1)[0]
    image: Tensor = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        alone, joined = network(image), Ensemble([network, network])(image)
    torch.testing.assert_close(joined.mask_logits[0], alone.mask_logits[0], rtol=1e-5, atol=1e-5)


def test_the_configuration_says_how_many() -> None:
    config = ModelConfig(architecture="efficientnet_lite0", members=2)
    network = assemble(config)
    assert isinstance(network, Ensemble)
    assert {key.split(".")[1] for key in network.state_dict()} == {"0", "1"}
    assert all(key.startswith("members.") for key in network.state_dict())
    assert network.stride == network.members[0].stride == 32
    assert isinstance(assemble(config.model_copy(update={"members": 1})), MultiTaskNet)


def test_members_are_trained_alone() -> None:
    with pytest.raises(ModelError, match=r"Set model\.members=1 and join"):
        build_network(ModelConfig(members=3))
    with pytest.raises(ModelError, match="at least one network"):
        Ensemble([])
