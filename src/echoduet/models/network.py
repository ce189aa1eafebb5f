"""What every network is to those who train, store and use it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from echoduet.errors import ShapeError
from echoduet.models.outputs import Output


class Network(nn.Module):
    """Base of all networks: one-channel images in, an `Output` out."""

    @property
    def stride(self) -> int:
        """What both sides of an image must be a multiple of."""
        raise NotImplementedError

    @property
    def min_side(self) -> int:
        """The smallest side of an image."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Output:
        """Map `(B, 1, H, W)` images in [0, 1] to mask logits per scale and class logits `(B, 3)`.

        Raises:
            ShapeError: not one channel, or a side that does not fit the network's strides.
        """
        raise NotImplementedError

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return `{"name": str, "params": list of parameters}` groups for an optimiser.

        A group named `encoder` may be trained more gently than the rest. A network without parts has one group.
        """
        return [{"name": "whole", "params": list(self.parameters())}]

    def require_fitting(self, image: Tensor) -> None:
        """Refuse an image that is not gray, or whose sides are too small or no multiples of the stride.

        Raises:
            ShapeError: says which sizes fit.
        """
        channels, height, width = image.shape[1:]
        least = self.min_side
        if channels != 1 or height % self.stride or width % self.stride or min(height, width) < least:
            raise ShapeError(
                f"This network takes one-channel images with sides of at least {least} that are multiples of "
                f"{self.stride}, not {channels}x{height}x{width}. Set preprocess.size accordingly."
            )
