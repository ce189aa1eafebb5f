from __future__ import annotations

import pytest
import torch
from torch import Tensor

from echoduet.models.unet_decoder import UNetDecoder


def pyramid(widths: tuple[int, ...], strides: tuple[int, ...], side: int) -> tuple[Tensor, ...]:
    return tuple(torch.rand(1, w, side // s, side // s) for w, s in zip(widths, strides, strict=True))


@pytest.mark.parametrize(("strides", "outputs"), [((1, 2, 4, 8, 16), 3), ((2, 4, 8, 16, 32), 4), ((4, 8, 16, 32), 4)])
def test_it_ends_at_the_images_size(strides: tuple[int, ...], outputs: int) -> None:
    widths = (6, 8, 10, 12, 14)[: len(strides)]
    decoder = UNetDecoder(widths, strides, deep_supervision=True, channels=(4, 8, 16))
    decoded = decoder((torch.rand(1, 1, 64, 64), *pyramid(widths, strides, 64)))
    assert decoder.strides == (1, 2, 4, 8)[:outputs]  # every level but the two deepest
    assert decoder.widths == (4, 8, 16, 16)[:outputs]
    assert decoder.min_side == 2 * strides[-1]
    for feature, width, stride in zip(decoded.maps, decoder.widths, decoder.strides, strict=True):
        assert feature.shape == (1, width, 64 // stride, 64 // stride)
    assert decoder.reach == len(strides) - 1
    assert len(UNetDecoder(widths, strides, deep_supervision=False).widths) == 1


def test_every_map_of_the_encoder_and_every_pixel_count() -> None:
    widths, strides = (8, 10, 12), (2, 4, 8)
    decoder = UNetDecoder(widths, strides, deep_supervision=False, channels=(4, 8))
    given = [torch.rand(1, 1, 32, 32), *pyramid(widths, strides, 32)]
    leaves = [value.requires_grad_() for value in given]
    # Squared and weighted: instance norm makes every plain sum of its output a constant.
    finest = decoder(tuple(leaves)).maps[0]
    for gradient in torch.autograd.grad((finest * torch.rand_like(finest)).square().sum(), leaves):
        assert (gradient != 0).all()


def test_it_leaves_further_maps_to_the_class_head() -> None:
    widths, strides = (8, 10, 12), (2, 4, 8)
    decoder = UNetDecoder(widths, strides, deep_supervision=True, channels=(4, 8)).eval()
    features = (torch.rand(1, 1, 32, 32), *pyramid(widths, strides, 32))
    with_top = (*features, torch.rand(1, 99, 4, 4))
    assert torch.equal(decoder(features).maps[0], decoder(with_top).maps[0])
