"""Flips, rotation, scale, stretch and shift as one affine warp of image and mask together."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def compose_warp(
    *, flip_x: Tensor, flip_y: Tensor, radians: Tensor, scale: Tensor, stretch: Tensor, shift: Tensor
) -> Tensor:
    """Return `(n, 2, 3)` affine maps from output to input coordinates in [-1, 1].

    Args:
        flip_x, flip_y: `(n,)` bool, mirror left-right, top-bottom.
        radians: `(n,)` rotation.
        scale: `(n,)` zoom factor; above 1 the content grows.
        stretch: `(n,)` factor of width over height; above 1 the content widens.
        shift: `(n, 2)` horizontal and vertical shift, shares of the image side.
    """
    cosine, sine = torch.cos(radians), torch.sin(radians)
    signs_x, signs_y = (1.0 - 2.0 * flip.float() for flip in (flip_x, flip_y))
    # The map goes from output to input, so zooming in by s divides by s.
    width, height = signs_x / (scale * stretch.sqrt()), signs_y * stretch.sqrt() / scale
    linear = torch.stack(
        [torch.stack([width * cosine, -width * sine], 1), torch.stack([height * sine, height * cosine], 1)], 1
    )
    return torch.cat([linear, 2.0 * shift[:, :, None]], dim=2)


def warp(maps: Tensor, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Warp images and masks by the same maps, bilinear, black outside.

    Args:
        maps: `(n, 2, 3)`.
        images: `(n, 1, S, S)` uint8, 0-255.
        masks: `(n, 1, S, S)` uint8, 0 or 1.

    Returns:
        Images in [0, 1] and masks of 0 and 1 (covered by half or more), both `(n, 1, S, S)` float32.
    """
    both = torch.cat([images, masks], dim=1).float()
    grid = functional.affine_grid(maps, list(both.shape), align_corners=False)
    moved = functional.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved[:, :1] / 255, (moved[:, 1:] >= 0.5).float()
