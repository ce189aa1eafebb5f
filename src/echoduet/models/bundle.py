"""Model bundles: weights with all that is needed to use them, in one file that nothing unpickles.

A `.safetensors` bundle carries the information as JSON in the file's metadata; a `.pth` bundle is a dictionary of the
tensors and the same JSON, read with `weights_only`. Either holds a SHA-256 of its content; a bundle that was altered
since is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from echoduet.errors import ModelError
from echoduet.files import atomic_path
from echoduet.models.ensemble import assemble
from echoduet.models.info import (
    KEY,
    BundleInfo,
    named_errors,
    read_info,
    read_metadata,
    read_pth,
    require_known_suffix,
    to_json,
)
from echoduet.models.network import Network
from echoduet.models.storage import Storage, pack, unpack

_WEIGHTS = "weights"
_SEAL = ', "content_sha256": "'


def save_bundle(path: Path, network: Network, info: BundleInfo, storage: Storage = "float32") -> None:
    """Write `network` and `info` to `path`, `.safetensors` or `.pth`, atomically.

    Args:
        path: the file.
        network: the network; an ensemble is one whose `info.config.model.members` says of how many.
        info: what to say about it.
        storage: how the weights lie in the file; loading restores float32 from any.

    Raises:
        ModelError: another suffix, or a weight that the storage cannot hold.
        OutputError: the file cannot be written.
    """
    require_known_suffix(path)
    # Channels-last weights are stored in the plain layout, so that the file does not depend on how they were trained.
    weights = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    _write(path, pack(weights, storage), info)


def _write(path: Path, weights: dict[str, Tensor], info: BundleInfo) -> None:
    text = _sealed(to_json(info), weights)
    with atomic_path(path) as temporary:
        if path.suffix == ".pth":
            torch.save({KEY: text, _WEIGHTS: weights}, temporary)
        else:
            # One text only: safetensors writes several in any order, and a bundle's bytes would differ by it.
            save_file(weights, temporary, metadata={KEY: text})


def _sealed(text: str, weights: Mapping[str, Tensor]) -> str:
    """Return the JSON with the SHA-256 of itself and the weights as its last entry."""
    return f'{text[:-1]}{_SEAL}{_digest(text, weights)}"}}'


def _is_whole(text: str, weights: Mapping[str, Tensor]) -> bool:
    """Tell whether nothing was altered since `_sealed`; what has no seal was written before there was one."""
    opened, seal, rest = text.rpartition(_SEAL)
    return not seal or rest == f'{_digest(opened + "}", weights)}"}}'


def _digest(text: str, weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for key in sorted(weights):
        value = weights[key]
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def rewrite_info(path: Path, info: BundleInfo) -> None:
    """Give a bundle other information, atomically; its weights stay as they are, to the bit.

    Raises:
        ModelError: the file is missing, truncated, altered, or not a bundle.
        OutputError: the file cannot be written.
    """
    read_info(path)
    _write(path, _read_stored(path), info)


def load_bundle(path: Path, device: str | torch.device = "cpu") -> tuple[Network, BundleInfo]:
    """Return the network of a bundle, in evaluation mode on `device`, and what the bundle says about it.

    Raises:
        ModelError: the file is missing, truncated, altered, not a bundle, or its weights do not fit its architecture.
    """
    info = read_info(path)
    network = assemble(info.config.model)
    _load_weights(path, network, unpack(_read_stored(path)))
    return network.to(device).eval(), info


def _read_stored(path: Path) -> dict[str, Tensor]:
    with named_errors(path):
        if path.suffix == ".pth":
            content = read_pth(path)
            text, weights = content[KEY], dict(content[_WEIGHTS])
        else:
            text, weights = read_metadata(path)[KEY], load_file(path)
        whole = _is_whole(text, weights)
    if not whole:
        raise ModelError(f"{path}: was altered since it was written (its checksum is another). Restore it.")
    return weights


def _load_weights(path: Path, network: Network, weights: Mapping[str, Tensor]) -> None:
    expected = network.state_dict()
    problems = [f"{key} is missing" for key in expected if key not in weights]
    problems += [f"{key} is unknown" for key in weights if key not in expected]
    problems += [
        f"{key} has shape {tuple(weights[key].shape)} instead of {tuple(value.shape)}"
        for key, value in expected.items()
        if key in weights and weights[key].shape != value.shape
    ]
    if problems:
        raise ModelError(
            f"{path}: its weights do not fit its architecture ({problems[0]}; {len(problems)} in all). "
            "Use the version that wrote it."
        )
    network.load_state_dict(weights)
