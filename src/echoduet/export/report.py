"""The file that says how far an exported graph lies from its bundle: `<graph>.parity.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest
from echoduet.export.parity import Parity, compare
from echoduet.export.plain import compare_whole
from echoduet.files import file_sha256, write_json
from echoduet.inference.predictor import Predictor
from echoduet.progress import Progress, silent
from echoduet.records import Case, GrayImage


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared with PyTorch in float32.

    Attributes:
        runtime: EchoDuet's refined answers through the graph.
        whole: the graph's own answers, asked without EchoDuet; against raw ones.
    """

    runtime: Parity
    whole: Parity

    def told(self) -> str:
        """Return it in two lines."""
        return f"through EchoDuet: {self.runtime.told()}\nthe graph alone: {self.whole.told()}"


def report(bundle: Path, graph: Path, manifest: Manifest, progress: Progress = silent) -> tuple[Report, Path]:
    """Compare a graph with its bundle on a data set, write the report beside the graph, and return both.

    Raises:
        DataError: an image cannot be read.
        ModelError: the bundle or the graph cannot be used.
        OutputError: the report cannot be written.
    """
    reference, candidate = Predictor.load(bundle, "cpu", runtime="torch"), Predictor.load(graph, "cpu")
    cases = manifest.cases
    runtime = compare(reference, candidate, _images(progress(cases, label="comparing", total=len(cases))))
    shown = progress(cases, label="comparing the graph alone", total=len(cases))
    done = Report(runtime, compare_whole(reference, graph, _images(shown)))
    path = graph.with_name(graph.name + ".parity.json")
    write_json(path, {**asdict(done), **_about(bundle, graph, manifest)})
    return done, path


def _images(cases: Iterator[Case]) -> Iterator[tuple[str, GrayImage]]:
    return ((case.case_id, read_gray(case.image)) for case in cases)


def _about(bundle: Path, graph: Path, manifest: Manifest) -> dict[str, Any]:
    images = hashlib.sha256("".join(sorted(case.sha256 for case in manifest)).encode())
    return {
        "bundle_sha256": file_sha256(bundle),
        "graph_sha256": file_sha256(graph),
        "images_sha256": images.hexdigest(),
        "reference": "PyTorch, float32",
    }
