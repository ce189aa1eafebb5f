"""What answers in a node: a predictor, and how results name it."""

from __future__ import annotations

from pathlib import Path

from echoduet.dicom.identity import Algorithm
from echoduet.files import file_sha256
from echoduet.inference.predictor import Predictor
from echoduet.models.shipped import find_model


def load_answering(model: Path | str | None, batch_size: int = 4) -> tuple[Predictor, Algorithm]:
    """Load a bundle and say who answers by it.

    Args:
        model: a file, or the name of a shipped bundle; None is the default one.
        batch_size: frames that the network sees at a time.

    Raises:
        ModelError: the bundle cannot be used.
    """
    path = find_model(model)
    predictor = Predictor.load(path, batch_size=batch_size)
    settings = {"mask_threshold": predictor.threshold, "temperature": predictor.temperature}
    settings |= predictor.info.thresholds
    told = tuple((name, f"{value:.6g}") for name, value in sorted(settings.items()))
    return predictor, Algorithm(path.stem, file_sha256(path), told)
