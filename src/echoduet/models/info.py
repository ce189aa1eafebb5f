"""What a bundle says about its network: read without its weights, and without torch."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError
from echoduet.models.reference import Reference
from echoduet.records import CLASSES

FORMAT_VERSION = 1
KEY = "echoduet"
"""Of the JSON: in the metadata of a .safetensors or of an exported graph, beside the weights of a .pth."""

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
        appearance: what the pictures that it was made from look like; None where unlike ones are not refused.
    """

    config: ExperimentConfig
    classes: tuple[str, ...] = tuple(str(label) for label in CLASSES)
    thresholds: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION
    appearance: Reference | None = None


def read_info(path: Path) -> BundleInfo:
    """Return what a bundle says about its network, without reading the weights.

    Raises:
        ModelError: the file is missing, truncated, or not a bundle.
    """
    require_known_suffix(path)
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file. Give a model bundle, .safetensors or .pth.")
    with named_errors(path):
        text = read_pth(path)[KEY] if path.suffix == ".pth" else read_metadata(path)[KEY]
        return from_json(text)


def require_known_suffix(path: Path) -> None:
    """Refuse a file that does not end as a bundle does.

    Raises:
        ModelError: says which endings fit.
    """
    if path.suffix not in (".safetensors", ".pth"):
        raise ModelError(f"{path}: a model bundle ends in .safetensors or .pth. Rename it, or give another file.")


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn whatever the readers raise into one sentence about `path`, a ModelError."""
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


def read_metadata(path: Path) -> Mapping[str, str]:
    """Return the texts in the header of a `.safetensors` file, its tensors not read."""
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}


def read_pth(path: Path) -> Mapping[str, Any]:
    """Return what a `.pth` holds, its tensors not yet read: the JSON and the weights.

    Raises:
        ValueError: it holds no dictionary.
    """
    import torch  # noqa: PLC0415  # seconds, and needed for this kind of file only

    # Memory-mapped: the header of a large file is read without its tensors.
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if not isinstance(content, dict):
        raise ValueError("not a dictionary")
    return content


def to_json(info: BundleInfo) -> str:
    """Return `info` as the JSON that lies in a file."""
    return json.dumps(
        {
            "format_version": info.format_version,
            "config": info.config.model_dump(mode="json"),
            "classes": list(info.classes),
            "thresholds": info.thresholds,
            "provenance": info.provenance,
            "appearance": None if info.appearance is None else info.appearance.to_plain(),
        },
        allow_nan=False,
    )


def from_json(text: str) -> BundleInfo:
    """Return what `to_json` wrote; whoever reads a file wraps this in `named_errors`."""
    content = json.loads(text)
    if content["format_version"] != FORMAT_VERSION or tuple(content["classes"]) != CLASSES:
        raise _OtherLayoutError
    appearance = content.get("appearance")
    return BundleInfo(
        config=ExperimentConfig.model_validate(content["config"]),
        classes=tuple(content["classes"]),
        thresholds=dict(content["thresholds"]),
        provenance=dict(content["provenance"]),
        format_version=content["format_version"],
        appearance=None if appearance is None else Reference.from_plain(appearance),
    )
