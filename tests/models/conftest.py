"""What the tests of networks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

FourCases = Callable[[int], tuple[Tensor, Tensor, Tensor]]


@pytest.fixture(autouse=True)
def repeatable() -> Iterator[None]:
    """One thread and one seed, so that a test says the same on every run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(1993)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def four_cases() -> FourCases:
    """Four easy images with masks and labels: two dark ovals, a bright one, and one with nothing."""
    discs = ((0.3, 0.3, 0.2), (0.6, 0.5, 0.3), (0.5, 0.7, 0.25), (0.5, 0.5, 0.0))
    brightness = torch.tensor([0.2, 0.7, 0.2, 0.0]).view(4, 1, 1, 1)

    def make(side: int) -> tuple[Tensor, Tensor, Tensor]:
        rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        masks = torch.stack(
            [((rows - side * y) ** 2 + (columns - side * x) ** 2 < (side * r) ** 2).float() for y, x, r in discs]
        )[:, None]
        images = torch.rand(4, 1, side, side) * 0.3 + masks * brightness
        return images, masks, torch.tensor([0, 1, 0, 2])

    return make
