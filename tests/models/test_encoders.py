from __future__ import annotations

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor

from echoduet.models.blocks import NNUNET_STYLE, UNETPP_STYLE
from echoduet.models.encoders import EfficientNetLiteEncoder, PlainEncoder
from echoduet.models.pretrained import weights_file


def reference(name: str, side: int) -> EfficientNet:
    network = EfficientNet.from_name(name.replace("_", "-"), image_size=side)
    network.load_state_dict(torch.load(weights_file(name), weights_only=True))
    return network.eval()


def rgb(gray: Tensor) -> Tensor:
    return ((255 * gray - 127) / 128).expand(-1, 3, -1, -1)


@pytest.mark.parametrize("side", [64, 96, 224])
@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_agrees_with_the_package_on_imagenet_weights(name: str, side: int) -> None:
    image = torch.rand(2, 1, side, side)
    theirs, ours = reference(name, side), EfficientNetLiteEncoder(name, pretrained=True).eval()
    with torch.no_grad():
        expected, features = theirs.extract_features(rgb(image)), ours(image)
    torch.testing.assert_close(features[-1], expected, atol=1e-4, rtol=0)
    assert expected.abs().max() > 1  # a comparison of zeros would say nothing


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_agrees_with_the_package_on_every_skip(name: str) -> None:
    image = torch.rand(1, 1, 64, 64)
    theirs, ours = reference(name, 64), EfficientNetLiteEncoder(name, pretrained=True).eval()
    with torch.no_grad():
        x, maps = theirs._swish(theirs._bn0(theirs._conv_stem(rgb(image)))), []
        for block in theirs._blocks:
            x = block(x)
            maps.append(x)
        features = ours(image)
    for index, feature in zip(ours.taps, features[:5], strict=True):
        torch.testing.assert_close(feature, maps[index], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("efficientnet_lite0", (16, 24, 40, 112, 320, 1280)),
        ("efficientnet_lite2", (16, 24, 48, 120, 352, 1280)),
    ],
)
def test_lite_says_its_widths_and_strides(name: str, widths: tuple[int, ...]) -> None:
    encoder = EfficientNetLiteEncoder(name).eval()
    assert encoder.widths == widths
    features = encoder(torch.rand(1, 1, 64, 96))
    for feature, width, stride in zip(features, encoder.widths, encoder.strides, strict=True):
        assert feature.shape == (1, width, 64 // stride, 96 // stride)


def test_without_top_the_last_map_is_the_last_block() -> None:
    encoder = EfficientNetLiteEncoder("efficientnet_lite0", with_top=False)
    assert encoder.widths[-1] == 320
    assert encoder.strides == (2, 4, 8, 16, 32)
    assert not any(key.startswith("top") for key in encoder.state_dict())


def test_drop_rate_rises_with_depth() -> None:
    rates = [block.drop_rate for block in EfficientNetLiteEncoder("efficientnet_lite0", drop_rate=0.2).blocks]
    assert rates[0] == 0.0
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.2 * 15 / 16)


@pytest.mark.parametrize("style", [UNETPP_STYLE, NNUNET_STYLE])
def test_plain_encoder_halves_at_each_level(style) -> None:
    encoder = PlainEncoder((2, 4, 6), style)
    shapes = [tuple(feature.shape) for feature in encoder(torch.rand(1, 1, 16, 8))]
    assert shapes == [(1, 2, 16, 8), (1, 4, 8, 4), (1, 6, 4, 2)]
    assert encoder.strides == (1, 2, 4)
    assert encoder.min_side == 8


def test_plain_encoder_takes_its_smallest_side() -> None:
    encoder = PlainEncoder((2, 4, 6), UNETPP_STYLE)
    assert encoder(torch.rand(1, 1, 8, 8))[-1].shape == (1, 6, 2, 2)
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        encoder(torch.rand(1, 1, 4, 4))


def test_the_shallow_encoder_is_the_front_of_the_whole_one() -> None:
    whole = EfficientNetLiteEncoder("efficientnet_lite0", pretrained=True).eval()
    shallow = EfficientNetLiteEncoder("efficientnet_lite0", pretrained=True, shallow=True).eval()
    assert (shallow.widths, shallow.strides) == (whole.widths[:4], whole.strides[:4])
    image = torch.rand(1, 1, 64, 96)
    with torch.no_grad():
        for ours, theirs in zip(shallow(image), whole(image)[:4], strict=True):
            torch.testing.assert_close(ours, theirs)


def after_a_step(encoder: EfficientNetLiteEncoder) -> dict[str, bool]:
    """Return which kernels and statistics a step of training changes; a bias before a norm has no gradient."""
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.train()
    optimiser = torch.optim.SGD([p for p in encoder.parameters() if p.requires_grad], lr=0.1)
    sum(features.square().mean() for features in encoder(torch.rand(4, 1, 64, 64))).backward()
    optimiser.step()
    told = {key: value for key, value in encoder.state_dict().items() if key.endswith(("conv.weight", "running_mean"))}
    return {key: not torch.equal(value, before[key]) for key, value in told.items()}


def test_frozen_blocks_keep_weights_and_statistics() -> None:
    changed = after_a_step(EfficientNetLiteEncoder("efficientnet_lite0", pretrained=True, frozen_blocks=3))
    frozen = ("stem.", "blocks.0.", "blocks.1.", "blocks.2.")
    assert not any(change for key, change in changed.items() if key.startswith(frozen))
    assert all(change for key, change in changed.items() if not key.startswith(frozen))


def test_depthwise_kernels_stay_and_their_statistics_learn() -> None:
    changed = after_a_step(EfficientNetLiteEncoder("efficientnet_lite0", pretrained=True, train_depthwise=False))
    kernels = {key for key in changed if key.endswith("depthwise.conv.weight")}
    assert len(kernels) == 16
    assert {key for key, change in changed.items() if not change} == kernels


def test_frozen_blocks_answer_as_before() -> None:
    free, frozen = (EfficientNetLiteEncoder("efficientnet_lite0", True, frozen_blocks=n).eval() for n in (0, 5))
    image = torch.rand(2, 1, 64, 64)
    for ours, theirs in zip(frozen(image), free(image), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
