"""Model bundles: weights with all that is needed to use them, in one file that nothing unpickles.

A `.safetensors` bundle carries the information as JSON in the file's metadata; a `.pth` bundle is a dictionary of the
tensors and the same JSON, read with `weights_only`.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError
from echoduet.files import atomic_path
from echoduet.models.ensemble import assemble
from echoduet.models.network import Network
from echoduet.models.storage import Storage, pack, unpack
from echoduet.records import CLASSES

FORMAT_VERSION = 1
_KEY = "echoduet"  # of the JSON: in the metadata of a .safetensors, beside the weights of a .pth
_WEIGHTS = "weights"

# What a truncated or foreign file makes the readers raise.
_UNREADABLE = (
    SafetensorError,
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
)


class _OtherLayoutError(Exception):
    """The bundle is whole, but of another format version or for other classes."""


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What a bundle says about its network.

    Attributes:
        config: the experiment that made it; preprocessing and inference follow it.
        classes: the classes in the order of the logits.
        thresholds: operating points by name, such as `mask`, chosen on validation folds.
        provenance: where it comes from: data, fold, git revision, metrics ... anything that JSON can hold.
        format_version: of the bundle's layout.
    """

    config: ExperimentConfig
    classes: tuple[str, ...] = tuple(str(label) for label in CLASSES)
    thresholds: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


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
    _require_known_suffix(path)
    # Channels-last weights are stored in the plain layout, so that the file does not depend on how they were trained.
    weights = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    _write(path, pack(weights, storage), info)


def _write(path: Path, weights: dict[str, Tensor], info: BundleInfo) -> None:
    text = _to_json(info)
    with atomic_path(path) as temporary:
        if path.suffix == ".pth":
            torch.save({_KEY: text, _WEIGHTS: weights}, temporary)
        else:
            save_file(weights, temporary, metadata={_KEY: text})


def rewrite_info(path: Path, info: BundleInfo) -> None:
    """Give a bundle other information, atomically; its weights stay as they are, to the bit.

    Raises:
        ModelError: the file is missing, truncated, or not a bundle.
        OutputError: the file cannot be written.
    """
    read_info(path)
    _write(path, _read_stored(path), info)


def load_bundle(path: Path, device: str | torch.device = "cpu") -> tuple[Network, BundleInfo]:
    """Return the network of a bundle, in evaluation mode on `device`, and what the bundle says about it.

    Raises:
        ModelError: the file is missing, truncated, not a bundle, or its weights do not fit its architecture.
    """
    info = read_info(path)
    network = assemble(info.config.model)
    _load_weights(path, network, unpack(_read_stored(path)))
    return network.to(device).eval(), info


def read_info(path: Path) -> BundleInfo:
    """Return what a bundle says about its network, without reading the weights.

    Raises:
        ModelError: the file is missing, truncated, or not a bundle.
    """
    _require_known_suffix(path)
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file. Give a model bundle, .safetensors or .pth.")
    with _named_errors(path):
        text = _read_pth(path)[_KEY] if path.suffix == ".pth" else _read_metadata(path)[_KEY]
        return _from_json(text)


def _require_known_suffix(path: Path) -> None:
    if path.suffix not in (".safetensors", ".pth"):
        raise ModelError(f"{path}: a model bundle ends in .safetensors or .pth. Rename it, or give another file.")


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Turn whatever the readers raise into one sentence about `path`."""
    try:
        yield
    except PermissionError as error:
        raise ModelError(f"{path}: cannot be read. Change its permissions.") from error
    except _OtherLayoutError as error:
        raise ModelError(
            f"{path}: its format or its classes are not those of this version (format {FORMAT_VERSION}; "
            f"{', '.join(CLASSES)}). Use the version that wrote it."
        ) from error
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ModelError(
            f"{path}: its configuration is not one this version knows (key {key}). Use the version that wrote it."
        ) from error
    except _UNREADABLE as error:
        raise ModelError(
            f"{path}: not a whole EchoDuet bundle. It may be truncated, or made by another program."
        ) from error


def _read_metadata(path: Path) -> Mapping[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def _read_pth(path: Path) -> Mapping[str, Any]:
    # Memory-mapped: the header of a large file is read without its tensors.
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if not isinstance(content, dict):
        raise ValueError("not a dictionary")
    return content


def _read_stored(path: Path) -> dict[str, Tensor]:
    with _named_errors(path):
        return dict(_read_pth(path)[_WEIGHTS]) if path.suffix == ".pth" else load_file(path)


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


def _to_json(info: BundleInfo) -> str:
    return json.dumps(
        {
            "format_version": info.format_version,
            "config": info.config.model_dump(mode="json"),
            "classes": list(info.classes),
            "thresholds": info.thresholds,
            "provenance": info.provenance,
        },
        allow_nan=False,
    )


def _from_json(text: str) -> BundleInfo:
    content = json.loads(text)
    if content["format_version"] != FORMAT_VERSION or tuple(content["classes"]) != CLASSES:
        raise _OtherLayoutError
    return BundleInfo(
        config=ExperimentConfig.model_validate(content["config"]),
        classes=tuple(content["classes"]),
        thresholds=dict(content["thresholds"]),
        provenance=dict(content["provenance"]),
        format_version=content["format_version"],
    )
