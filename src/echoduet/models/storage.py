"""How weights lie in a bundle: as they are, or in half or a quarter of the room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from echoduet.errors import ModelError

Storage = Literal["float32", "float16", "int8"]

SMALL = 4096
"""Tensors with fewer numbers than this stay in half precision under `int8`: first and last layers, at little cost."""

_SCALE = "::scale"  # of the key under which the scales of an int8 tensor lie; no parameter has such a name
_LEVELS = 127


def pack(weights: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Return `weights` as they are to be stored.

    Only float32 tensors of two dimensions or more are made smaller; biases and norm statistics stay as they are.
    `float16` rounds to half precision. `int8` keeps, for each slice along the first dimension (an output channel of a
    convolution), its largest absolute value / 127 as scale and every weight as a multiple of it.

    Raises:
        ModelError: a weight is too large for half precision, or is not a number.
    """
    packed: dict[str, Tensor] = {}
    for key, value in weights.items():
        if storage == "float32" or value.dtype != torch.float32 or value.ndim < 2:
            packed[key] = value
        elif storage == "float16" or value.numel() < SMALL:
            packed[key] = _halved(key, value)
        else:
            packed[key], packed[key + _SCALE] = _quantised(_halved(key, value).float())
    return packed


def stored_size(weights: Mapping[str, Tensor], storage: Storage) -> int:
    """Return the bytes that weights take in a file, but for its header."""
    return sum(value.nbytes for value in pack(weights, storage).values())


def as_stored(weights: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Return weights as they come back from a file: what is to be shipped can be tested before it is."""
    return unpack(pack(weights, storage))


def _halved(key: str, value: Tensor) -> Tensor:
    half = value.half()
    if not half.isfinite().all():
        raise ModelError(f"{key}: has a weight beyond half precision. Store the bundle in float32.")
    return half


def _quantised(value: Tensor) -> tuple[Tensor, Tensor]:
    largest = value.flatten(1).abs().amax(dim=1)
    scale = torch.where(largest > 0, largest / _LEVELS, torch.ones_like(largest))
    return (value / _along(scale, value)).round().to(torch.int8), scale


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return stored weights in float32, whichever way they were stored; integers that are no weights stay."""
    weights: dict[str, Tensor] = {}
    for key, value in stored.items():
        scale = stored.get(key + _SCALE)
        if scale is not None:
            weights[key] = value.float() * _along(scale, value)
        elif not key.endswith(_SCALE):
            weights[key] = value.float() if value.dtype == torch.float16 else value
    return weights


def _along(scale: Tensor, value: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (value.ndim - 1))
