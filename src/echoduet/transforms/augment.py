"""Augmentation in batches: draw the parameters first, then apply them.

Drawn parameters are plain tensors: they can be recorded and replayed. Geometry moves image and mask by one composed
warp, interpolated once; intensity never touches the mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from echoduet.config.schema import AugmentConfig
from echoduet.transforms.geometry import compose_warp, warp
from echoduet.transforms.intensity import blur, brighten, cast_shadow, speckle

NOISE_SIDE = 64
"""Speckle noise is drawn on a coarse grid: real speckle is correlated, and this is cheaper."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What augmentation will do to each of `n` images.

    Attributes:
        warp: `(n, 2, 3)` affine maps from output to input coordinates, both in [-1, 1].
        gamma, gain: `(n,)` exponents and factors.
        speckle: `(n,)` strength of multiplicative noise, 0 for none.
        noise: `(n, 1, 64, 64)` standard normal noise.
        shadow: `(n, 4)` centre column, half width, first row (shares of the side), strength (0 for none).
        blur: `(n,)` whether the image is smoothed.
    """

    warp: Tensor
    gamma: Tensor
    gain: Tensor
    speckle: Tensor
    noise: Tensor
    shadow: Tensor
    blur: Tensor

    def to(self, device: torch.device) -> Drawn:
        """Return the parameters on `device`."""
        return Drawn(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw(config: AugmentConfig, n: int, generator: torch.Generator) -> Drawn:
    """Draw the augmentation of `n` images.

    The draws depend on the generator and the configuration alone, not on the images.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def log_uniform(bounds: tuple[float, float]) -> Tensor:
        return torch.exp(uniform(math.log(bounds[0]), math.log(bounds[1])))

    def happens(probability: float) -> Tensor:
        return torch.rand(n, generator=generator) < probability

    degrees = uniform(-config.rotate, config.rotate) * happens(config.rotate_probability)
    warps = compose_warp(
        flip_x=happens(config.flip_horizontal),
        flip_y=happens(config.flip_vertical),
        radians=torch.deg2rad(degrees),
        scale=log_uniform(config.scale),
        stretch=log_uniform(config.stretch),
        shift=torch.stack([uniform(-config.shift, config.shift) for _ in range(2)], dim=1),
    )
    shadow = torch.stack([uniform(0, 1), uniform(0.03, 0.12), uniform(0, 0.5), uniform(0.2, 0.7)], dim=1)
    shadow[:, 3] *= happens(config.shadow_probability)
    return Drawn(
        warp=warps,
        gamma=log_uniform(config.gamma),
        gain=log_uniform(config.gain),
        speckle=uniform(0, config.speckle) * happens(config.speckle_probability),
        noise=_noise(config, n, generator),
        shadow=shadow,
        blur=happens(config.blur_probability),
    )


def _noise(config: AugmentConfig, n: int, generator: torch.Generator) -> Tensor:
    if config.speckle * config.speckle_probability == 0:
        return torch.zeros(n, 1, 1, 1)
    return torch.randn(n, 1, NOISE_SIDE, NOISE_SIDE, generator=generator)


def apply(drawn: Drawn, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Apply drawn parameters.

    Args:
        drawn: parameters of `n` images.
        images: `(n, 1, S, S)` uint8.
        masks: `(n, 1, S, S)` uint8, 0 or 1.

    Returns:
        Images in [0, 1] and masks of 0 and 1, both `(n, 1, S, S)` float32.
    """
    pixels, lesion = warp(drawn.warp, images, masks)
    pixels = brighten(pixels, drawn.gamma, drawn.gain)
    if bool((drawn.speckle > 0).any()):
        noise = functional.interpolate(drawn.noise, size=pixels.shape[-2:], mode="bilinear", align_corners=False)
        pixels = speckle(pixels, noise, drawn.speckle)
    pixels = cast_shadow(pixels, drawn.shadow)
    pixels = blur(pixels, drawn.blur)
    return pixels.clamp_(0, 1), lesion


def to_input(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return uint8 images and masks as the floats that `apply` gives, unchanged otherwise."""
    return images.float().div_(255), masks.float()
