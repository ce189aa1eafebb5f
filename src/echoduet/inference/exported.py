"""Exported graphs: what is written in them and beside them, where they are kept, and how one is read safely.

A graph is one `.onnx` file, or an `.xml` with its `.bin`. Beside it lies `<file>.sha256`, in the form that
`sha256sum --check` reads; a graph whose bytes are others is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from echoduet import __version__
from echoduet.errors import ModelError
from echoduet.files import atomic_path, user_cache
from echoduet.models.info import KEY, BundleInfo, from_json, named_errors, to_json

Format = Literal["onnx", "openvino"]
Precision = Literal["float32", "int8"]

SUFFIXES: dict[str, Format] = {".onnx": "onnx", ".xml": "openvino"}
"""By which a file given as a model is known to be a graph."""

LAYOUT = "1"
"""Of a graph's inputs and outputs; another number is another layout."""

IMAGE, VIEWS = "image", "views"
LESION_MAP, PROBABILITIES, LESION_MEMBERS, CLASS_MEMBERS = "lesion", "probabilities", "lesion_members", "class_members"
"""What goes in and comes out (echoduet.export.whole)."""

SEEN, LESION_SEEN, CLASSES_SEEN = "seen", "lesion_seen", "classes_seen"
"""Inside a graph: the resized images, `(N, 1, S, S)` uint8, and what the members read in them."""

NOTICE = "Research use only. Not a medical device."


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """What a graph says about itself.

    Attributes:
        bundle: of the bundle that it was made from.
        source_sha256: of that bundle's file.
        precision: of its arithmetic.
        quantisation: of an int8 graph: on what it was calibrated, and what that loses.
        version: of the EchoDuet that wrote it.
    """

    bundle: BundleInfo
    source_sha256: str
    precision: Precision = "float32"
    quantisation: dict[str, Any] = field(default_factory=dict)
    version: str = __version__


def to_metadata(graph: GraphInfo) -> dict[str, str]:
    """Return what is written into a graph, texts by name."""
    return {
        KEY: to_json(graph.bundle),
        "layout": LAYOUT,
        "source_sha256": graph.source_sha256,
        "precision": graph.precision,
        "quantisation": json.dumps(graph.quantisation, allow_nan=False),
        "version": graph.version,
        "notice": NOTICE,
    }


def from_metadata(path: Path, metadata: Mapping[str, str]) -> GraphInfo:
    """Return what `to_metadata` wrote.

    Raises:
        ModelError: the graph is not one of ours, or of another layout.
    """
    if KEY not in metadata or "layout" not in metadata:
        raise ModelError(f"{path}: is no graph that EchoDuet exported. Make one with `echoduet export`.")
    if metadata["layout"] != LAYOUT:
        raise ModelError(f"{path}: was exported by another version. Export it anew with `echoduet export`.")
    with named_errors(path):
        return GraphInfo(
            bundle=from_json(metadata[KEY]),
            source_sha256=metadata["source_sha256"],
            precision="int8" if metadata["precision"] == "int8" else "float32",
            quantisation=dict(json.loads(metadata["quantisation"])),
            version=metadata["version"],
        )


def parts(path: Path) -> tuple[Path, ...]:
    """Return the files that a graph consists of."""
    return (path, path.with_suffix(".bin")) if path.suffix == ".xml" else (path,)


def checksums_of(path: Path) -> Path:
    """Return where the SHA-256 of a graph's files stand."""
    return path.with_name(path.name + ".sha256")


def write_graph(path: Path, contents: Sequence[bytes]) -> None:
    """Write a graph's files, in the order of `parts`, and their SHA-256: none appears before all are written whole.

    Raises:
        OutputError: one cannot be written; then none is there, or those that were.
    """
    named = list(zip(parts(path), contents, strict=True))
    lines = (f"{hashlib.sha256(content).hexdigest()}  {part.name}\n" for part, content in named)
    listing = "".join(lines).encode()
    with ExitStack() as stack:
        for place, content in [*named, (checksums_of(path), listing)]:
            stack.enter_context(atomic_path(place)).write_bytes(content)


def read_verified(path: Path) -> tuple[bytes, ...]:
    """Return the content of a graph's files, once it is what was exported.

    It is read once: what is checked is what is used.

    Raises:
        ModelError: a file is missing, cannot be read, or its bytes are not those that were exported.
    """
    expected = _expected(path)
    contents = []
    for part in parts(path):
        content = _read(part)
        if expected.get(part.name) != hashlib.sha256(content).hexdigest():
            raise ModelError(
                f"{part}: is not the file that was exported ({checksums_of(path).name} says otherwise): truncated or "
                "altered. Export it anew."
            )
        contents.append(content)
    return tuple(contents)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such file. Make it with `echoduet export`.") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}). Export it anew.") from error


def _expected(path: Path) -> dict[str, str]:
    listing = checksums_of(path)
    if not path.exists() or not listing.exists():
        missing = listing if path.exists() else path
        raise ModelError(f"{missing}: there is no such file. Keep a graph and its .sha256 together, or export it anew.")
    lines = _read(listing).decode("utf-8", errors="replace").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines)
    return {pair[1].strip(): pair[0] for pair in pairs if len(pair) == 2}


def cached_graph(source_sha256: str, to: Format, precision: Precision = "float32") -> Path:
    """Return where the user's cache keeps the graph of a bundle, whether it is there or not."""
    name = "network" if precision == "float32" else f"network-{precision}"
    return user_cache() / "graphs" / source_sha256[:32] / f"{name}{_suffix(to)}"


def at_hand(bundle: Path, source_sha256: str, to: Format) -> tuple[Path, ...]:
    """Return the float32 graphs that may be of this bundle, beside it or in the cache; what they are stands in them."""
    places = (bundle.with_suffix(_suffix(to)), cached_graph(source_sha256, to))
    return tuple(path for path in places if path.is_file())


def _suffix(to: Format) -> str:
    return next(suffix for suffix, name in SUFFIXES.items() if name == to)
