"""Changes of gray values that ultrasound machines and their operators make: gain, gamma, speckle, shadow, smoothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def brighten(images: Tensor, gamma: Tensor, gain: Tensor) -> Tensor:
    """Return `gain * images ** gamma`; images `(n, 1, H, W)` in [0, 1], gamma and gain `(n,)`."""
    if bool((gamma != 1).any()):
        # The floor keeps 0 ** gamma exact enough and its logarithm finite.
        images = images.clamp_min(1e-4).pow(gamma[:, None, None, None])
    return images * gain[:, None, None, None]


def speckle(images: Tensor, noise: Tensor, strength: Tensor) -> Tensor:
    """Return images times `1 + strength * noise`: speckle is multiplicative; noise `(n, 1, H, W)`, strength `(n,)`."""
    return torch.addcmul(images, images, noise * strength[:, None, None, None])


def cast_shadow(images: Tensor, shadow: Tensor) -> Tensor:
    """Darken a vertical band below a depth, with soft borders, as an attenuating structure does.

    Args:
        images: `(n, 1, H, W)`.
        shadow: `(n, 4)`: centre column, half width, first row (shares of the side), strength in [0, 1].
    """
    chosen = (shadow[:, 3] > 0).nonzero()[:, 0]
    if len(chosen) == 0:
        return images
    height, width = images.shape[-2:]
    centre, half, start, strength = shadow[chosen].T[:, :, None]
    columns = (torch.arange(width, device=images.device) + 0.5) / width
    rows = (torch.arange(height, device=images.device) + 0.5) / height
    across = torch.exp(-0.5 * ((columns - centre) / half) ** 2)
    down = torch.sigmoid((rows - start) * 20)
    darkening = 1 - strength[:, :, None] * down[:, :, None] * across[:, None, :]
    return images.index_put((chosen,), images[chosen] * darkening[:, None])


def blur(images: Tensor, chosen: Tensor) -> Tensor:
    """Smooth the images chosen `(n,)` bool by a 3x3 mean."""
    rows = chosen.nonzero()[:, 0]
    if len(rows) == 0:
        return images
    return images.index_put(
        (rows,), functional.avg_pool2d(images[rows], 3, stride=1, padding=1, count_include_pad=False)
    )
