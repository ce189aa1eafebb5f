from __future__ import annotations

import pytest
import torch
from torch import Tensor

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.blocks import UNETPP_STYLE
from echoduet.models.decoders import NestedDecoder
from echoduet.models.encoders import PlainEncoder
from echoduet.models.heads import MaskGuidedClassHead, MaskHead, PresenceHead
from echoduet.models.multitask import MultiTaskNet
from echoduet.models.registry import build_network

WIDTHS = (2, 4, 8)


def encoder() -> PlainEncoder:
    return PlainEncoder(WIDTHS, UNETPP_STYLE)


def test_a_network_must_answer_something() -> None:
    with pytest.raises(ModelError, match="at least one"):
        MultiTaskNet(encoder())


def test_decoder_and_mask_head_come_together() -> None:
    with pytest.raises(ModelError, match="both or neither"):
        MultiTaskNet(encoder(), decoder=NestedDecoder(WIDTHS, deep_supervision=False))
    with pytest.raises(ModelError, match="both or neither"):
        MultiTaskNet(encoder(), mask_head=MaskHead((2,), (1,)))


def test_a_presence_head_needs_masks_to_gate() -> None:
    with pytest.raises(ModelError, match="gates masks"):
        MultiTaskNet(
            encoder(),
            class_head=MaskGuidedClassHead(WIDTHS, (1, 2, 4), with_decoder=False, guided=4),
            presence_head=PresenceHead(8),
        )


@pytest.mark.parametrize("tasks", ["both", "segmentation"])
@pytest.mark.parametrize("architecture", ["unetpp", "nnunet", "efficientnet_lite0"])
def test_presence_gates_the_masks_of_every_architecture(architecture: str, tasks: str) -> None:
    network = build_network(ModelConfig(architecture=architecture, tasks=tasks, presence=True)).eval()
    image = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        network.presence_head.linear.bias.fill_(60.0)
        surely = network(image)
        network.presence_head.linear.bias.fill_(-60.0)
        surely_not = network(image)
    assert surely.presence_logit.tolist() == [60.0, 60.0]
    for one, other in zip(surely.mask_logits, surely_not.mask_logits, strict=True):
        torch.testing.assert_close(other, one - 60.0)


def test_presence_changes_no_other_weight() -> None:
    networks = []
    for presence in (False, True):
        torch.manual_seed(3)
        networks.append(build_network(ModelConfig(architecture="efficientnet_lite0", presence=presence)).state_dict())
    plain, more = networks
    assert set(more) - set(plain) == {"presence_head.linear.weight", "presence_head.linear.bias"}
    assert all(torch.equal(value, more[key]) for key, value in plain.items())


def test_without_masks_there_is_no_presence() -> None:
    network = build_network(ModelConfig(architecture="efficientnet_lite0", tasks="classification", presence=True))
    assert network.presence_head is None


def test_parameter_groups_split_without_loss_or_overlap() -> None:
    network = build_network(ModelConfig(architecture="efficientnet_lite0"))
    groups = {group["name"]: group["params"] for group in network.parameter_groups()}
    assert {id(p) for p in groups["encoder"]} == {id(p) for p in network.encoder.parameters()}
    together = [id(p) for group in groups.values() for p in group]
    assert sorted(together) == sorted(id(p) for p in network.parameters())


def test_parameter_groups_feed_an_optimiser() -> None:
    network = build_network(ModelConfig(architecture="efficientnet_lite0"))
    optimiser = torch.optim.AdamW(network.parameter_groups(), lr=1e-3)
    assert [group["name"] for group in optimiser.param_groups] == ["encoder", "heads"]


def monai_name(key: str) -> str:
    """Our key of the UNet++ as MONAI's BasicUNetPlusPlus has it."""
    part, _, place, rest = key.split(".", 3)
    if part == "mask_head":
        return f"final_conv_0_{4 - int(place)}.{rest}"
    if part == "encoder":
        return f"conv_{place}_0." + layers(rest)
    return f"upcat_{place}." + layers(rest)


def layers(rest: str) -> str:
    rest = rest.replace("up.", "upsample.deconv.")
    rest = rest.replace("first.", "conv_0.").replace("second.", "conv_1.")
    return rest.replace(".norm.", ".adn.N.")


def test_unetpp_gives_the_masks_of_monai() -> None:
    from monai.networks.nets import BasicUNetPlusPlus

    ours = build_network(ModelConfig(architecture="unetpp", tasks="segmentation")).eval()
    theirs = BasicUNetPlusPlus(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        features=(24, 48, 96, 192, 384, 24),
        deep_supervision=True,
        act=("LeakyReLU", {"negative_slope": 0.1, "inplace": True}),
        norm=("instance", {"affine": True}),
        upsample="deconv",
    ).eval()
    renamed: dict[str, Tensor] = {monai_name(key): value for key, value in ours.state_dict().items()}
    theirs.load_state_dict(renamed)  # strict: every weight has a counterpart of the same shape
    image = torch.rand(2, 1, 48, 64)
    with torch.no_grad():
        expected, got = theirs(image), ours(image).mask_logits
    for logits, reference in zip(got, reversed(expected), strict=True):
        torch.testing.assert_close(logits, reference, atol=1e-5, rtol=1e-4)
