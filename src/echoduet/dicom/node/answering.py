"""What answers in a node: a predictor, and how results name it."""

from __future__ import annotations

from pathlib import Path

from echoduet.dicom.identity import Algorithm
from echoduet.files import file_sha256
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtimes import RuntimeName
from echoduet.models.shipped import find_model

_BATCH = 4
"""Frames that the network sees at a time: more would only keep more of a loop in memory."""


def load_answering(model: Path | str | None, runtime: RuntimeName = "auto") -> tuple[Predictor, Algorithm]:
    """Load a bundle, and say who answers by it, in the words of `echoduet predict`: both make the same instances.

    Args:
        model: a file, or the name of a shipped bundle; None is the default one.
        runtime: what runs the network.

    Raises:
        ModelError: the bundle cannot be used.
    """
    path = find_model(model)
    predictor = Predictor.load(path, batch_size=_BATCH, runtime=runtime)
    return predictor, Algorithm(path.stem, file_sha256(path), tuple(predictor.settings().items()))
