from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from echoduet.models.decoders import DenseDecoder, FullSizeDecoder, LightDecoder, NestedDecoder, NNUNetDecoder
from echoduet.models.registry import NNUNET_WIDTHS, UNETPP_WIDTHS


def pyramid(widths: tuple[int, ...], strides: tuple[int, ...], side: int = 32) -> tuple[Tensor, ...]:
    return tuple(
        torch.rand(1, width, side // stride, side // stride) for width, stride in zip(widths, strides, strict=True)
    )


def test_nested_decoder_has_every_node_of_the_triangle() -> None:
    decoder = NestedDecoder(UNETPP_WIDTHS, deep_supervision=True)
    assert set(decoder.nodes) == {"0_1", "1_1", "2_1", "3_1", "0_2", "1_2", "2_2", "0_3", "1_3", "0_4"}


def test_nested_decoder_returns_full_size_maps_and_node_3_1() -> None:
    decoder = NestedDecoder(UNETPP_WIDTHS, deep_supervision=True)
    features = pyramid(UNETPP_WIDTHS, (1, 2, 4, 8, 16))
    decoded = decoder(features)
    assert [tuple(m.shape) for m in decoded.maps] == [(1, 24, 32, 32)] * 4
    expected = decoder.nodes["3_1"](features[4], features[3])
    assert torch.equal(decoded.deep[0], expected)


def test_nested_decoder_reads_the_finest_node_first() -> None:
    features = pyramid(UNETPP_WIDTHS, (1, 2, 4, 8, 16))
    decoder = NestedDecoder(UNETPP_WIDTHS, deep_supervision=True)
    shallow = decoder.nodes["0_1"](features[1], features[0])  # X(0, 1), the least refined
    assert torch.equal(decoder(features).maps[-1], shallow)


def test_nnunet_decoder_maps_follow_the_paper() -> None:
    decoder = NNUNetDecoder(NNUNET_WIDTHS, deep_supervision=True)
    decoded = decoder(pyramid(NNUNET_WIDTHS, (1, 2, 4, 8, 16, 32), side=64))
    assert [tuple(m.shape) for m in decoded.maps] == [(1, 16, 64, 64), (1, 32, 32, 32), (1, 64, 16, 16), (1, 128, 8, 8)]
    assert [tuple(m.shape) for m in decoded.deep] == [(1, 320, 4, 4), (1, 256, 4, 4)]


@pytest.mark.parametrize("strides", [(2, 4, 8, 16, 32), (4, 8, 16, 32), (1, 2, 4, 8, 16, 32)])
def test_light_decoder_ends_at_the_encoders_finest_stride(strides: tuple[int, ...]) -> None:
    widths = (6, 8, 10, 12, 14, 16)[: len(strides)]
    decoder = LightDecoder(widths, strides, deep_supervision=True)
    decoded = decoder(pyramid(widths, strides, side=64))
    for feature, width, stride in zip(decoded.maps, decoder.widths, decoder.strides, strict=True):
        assert feature.shape == (1, width, 64 // stride, 64 // stride)
    assert decoder.strides == strides[:-2]  # every level but the two deepest gives a mask


def test_light_decoder_leaves_further_maps_to_the_class_head() -> None:
    widths, strides = (6, 8, 10), (2, 4, 8)
    decoder = LightDecoder(widths, strides, deep_supervision=False).eval()
    features = pyramid(widths, strides)
    with_top = (*features, torch.rand(1, 99, 4, 4))
    assert torch.equal(decoder(features).maps[0], decoder(with_top).maps[0])
    assert len(decoder.widths) == len(decoder(features).maps) == 1


@pytest.mark.parametrize("strides", [(2, 4, 8, 16, 32), (4, 8, 16, 32)])
def test_full_size_decoder_ends_at_the_image(strides: tuple[int, ...]) -> None:
    widths = (6, 8, 10, 12, 14)[: len(strides)]
    decoder = FullSizeDecoder(widths, strides, deep_supervision=True)
    decoded = decoder((torch.rand(1, 1, 64, 64), *pyramid(widths, strides, side=64)))
    assert decoder.strides == (1, 2, 4, 8)
    assert decoder.widths == (16, 32, 48, 64)
    for feature, width, stride in zip(decoded.maps, decoder.widths, decoder.strides, strict=True):
        assert feature.shape == (1, width, 64 // stride, 64 // stride)
    assert len(FullSizeDecoder(widths, strides, deep_supervision=False).widths) == 1


def test_full_size_decoder_joins_the_image_where_the_encoder_has_no_map() -> None:
    widths, strides = (8, 10, 12), (4, 8, 16)
    decoder = FullSizeDecoder(widths, strides, deep_supervision=False).eval()
    features, image = pyramid(widths, strides), torch.rand(1, 1, 32, 32)
    expected = decoder.light((image, F.avg_pool2d(image, 2), *features)).maps[0]
    assert torch.equal(decoder((image, *features)).maps[0], expected)
    assert not torch.equal(decoder((image.flip(-1), *features)).maps[0], expected)


@pytest.mark.parametrize("strides", [(2, 4, 8, 16, 32), (4, 8, 16, 32)])
def test_dense_decoder_ends_at_the_encoders_finest_map(strides: tuple[int, ...]) -> None:
    widths = (6, 8, 10, 12, 14)[: len(strides)]
    decoder = DenseDecoder(widths, strides, deep_supervision=True)
    decoded = decoder((torch.rand(1, 1, 64, 64), *pyramid(widths, strides, side=64)))
    light = LightDecoder(widths, strides, deep_supervision=True)
    assert (decoder.widths, decoder.strides, decoder.reach) == (light.widths, light.strides, light.reach)
    for feature, width, stride in zip(decoded.maps, decoder.widths, decoder.strides, strict=True):
        assert feature.shape == (1, width, 64 // stride, 64 // stride)
    assert len(DenseDecoder(widths, strides, deep_supervision=False).widths) == 1


def test_dense_decoder_sees_what_the_encoder_does_not() -> None:
    widths, strides = (8, 10, 12), (2, 4, 8)
    decoder = DenseDecoder(widths, strides, deep_supervision=False).eval()
    features, image = pyramid(widths, strides), torch.rand(1, 1, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(decoder((image, *features)).maps[0].sum(), image)
    assert (gradient != 0).all()  # every pixel counts, none is skipped by the stride
