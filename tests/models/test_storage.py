from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from echoduet.errors import ModelError
from echoduet.models.storage import SMALL, pack, unpack

STORAGES = ("float32", "float16", "int8")


def weights(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "large": torch.randn(64, 32, 3, 3, generator=generator) * torch.logspace(-3, 1, 64).view(-1, 1, 1, 1),
        "small": torch.randn(3, 1, 7, 7, generator=generator),
        "bias": torch.randn(64, generator=generator),
        "batches": torch.tensor(7),
    }


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_not_a_large_float_tensor_is_kept_as_well_as_it_can_be(storage) -> None:
    given = weights()
    restored = unpack(pack(given, storage))
    assert list(restored) == list(given)
    assert all(restored[key].dtype == value.dtype for key, value in given.items())
    assert torch.equal(restored["bias"], given["bias"])
    assert torch.equal(restored["batches"], given["batches"])
    torch.testing.assert_close(restored["small"], given["small"], rtol=0 if storage == "float32" else 2**-11, atol=0)


def test_sizes_are_a_half_and_a_quarter() -> None:
    sizes = [sum(value.nbytes for value in pack(weights(), storage).values()) for storage in STORAGES]
    assert sizes[1] < 0.51 * sizes[0]
    assert sizes[2] < 0.26 * sizes[0] + 2 * SMALL


@given(st.integers(0, 50))
def test_int8_is_off_by_no_more_than_half_a_step_of_its_channel(seed: int) -> None:
    before = weights(seed)["large"]
    after = unpack(pack({"large": before}, "int8"))["large"]
    step = before.flatten(1).abs().amax(1) / 127
    assert ((after - before).abs().flatten(1).amax(1) <= 0.51 * step + 2**-11 * before.flatten(1).abs().amax(1)).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    value = torch.zeros(2, 64, 8, 8)
    value[1] = 3.0
    assert torch.equal(unpack(pack({"w": value}, "int8"))["w"], value)


@pytest.mark.parametrize("storage", STORAGES[1:])
def test_what_half_precision_cannot_hold_is_refused(storage) -> None:
    with pytest.raises(ModelError, match="head: has a weight beyond half precision"):
        pack({"head": torch.full((4, 4), 1e6)}, storage)
