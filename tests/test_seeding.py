"""One function seeds everything."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from echoduet.seeding import derived_seed, seed_everything


@pytest.fixture(autouse=True)
def restore():
    yield
    torch.use_deterministic_algorithms(False)


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_the_same_seed_gives_the_same_numbers_everywhere():
    seed_everything(5)
    first = draw()
    seed_everything(5)
    assert draw() == first
    seed_everything(6)
    assert not set(draw()) & set(first)


def test_deterministic_mode_forbids_kernels_that_vary():
    seed_everything(1, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    seed_everything(1)
    assert not torch.are_deterministic_algorithms_enabled()


def test_derived_seeds_differ_by_purpose_and_stay_the_same():
    seeds = {derived_seed(1, "epoch", n) for n in range(100)} | {
        derived_seed(2, "epoch", 0),
        derived_seed(1, "dropout", 0),
    }
    assert len(seeds) == 102
    assert derived_seed(1993, "epoch", 7) == derived_seed(1993, "epoch", 7)
    assert all(0 <= seed < 2**63 for seed in seeds)
