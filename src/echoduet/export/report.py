"""The file that says how far an exported graph lies from its bundle: `<graph>.parity.json`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest
from echoduet.export.parity import Parity, Tally, pairs
from echoduet.export.plain import Ask, decide, open_plainly
from echoduet.files import file_sha256, write_json
from echoduet.inference.predictor import Predictor
from echoduet.models.refinement import refine
from echoduet.progress import Progress, silent
from echoduet.records import GrayImage


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
    shown = progress(manifest.cases, label="comparing with PyTorch", total=len(manifest))
    done = compare(reference, candidate, open_plainly(graph), ((case.case_id, read_gray(case.image)) for case in shown))
    path = graph.with_name(graph.name + ".parity.json")
    write_json(path, {**asdict(done), **_about(bundle, graph, manifest)})
    return done, path


def compare(reference: Predictor, candidate: Predictor, ask: Ask, images: Iterable[tuple[str, GrayImage]]) -> Report:
    """Compare the answers of two predictors, and of a graph alone, to the same images; they are drawn once.

    Args:
        reference: answers by PyTorch.
        candidate: answers by the graph.
        ask: asks the graph alone.
        images: each with its id.
    """
    runtime, whole = Tally(), Tally()
    ours, plain = itertools.tee(images)
    for (expected, got), (case_id, image) in zip(pairs(reference, candidate, ours), plain, strict=True):
        runtime.add(refine(expected, reference.rule), refine(got, candidate.rule))
        whole.add(expected, decide(case_id, ask(image[None, None]), reference.threshold))
    return Report(runtime.result(), whole.result())


def _about(bundle: Path, graph: Path, manifest: Manifest) -> dict[str, Any]:
    images = hashlib.sha256("".join(sorted(case.sha256 for case in manifest)).encode())
    return {
        "bundle_sha256": file_sha256(bundle),
        "graph_sha256": file_sha256(graph),
        "images_sha256": images.hexdigest(),
        "reference": "PyTorch, float32",
    }
