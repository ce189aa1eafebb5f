"""Predict files, and write what came of each.

A run leaves `masks/<name>.png` (the lesion at the image's own size, 0 or 255), `overlays/<name>.png` (the image with
the contour and the answer), `predictions.csv` (one row an image), `predictions.jsonl` (the same, one JSON object a
line) and `skipped.csv` (the files that could not be read, and why).
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from echoduet.data.images import read_gray, write_png
from echoduet.errors import ImageError
from echoduet.files import atomic_path, write_csv
from echoduet.inference.inputs import InputFile
from echoduet.inference.overlay import write_overlay
from echoduet.inference.predictor import Predictor
from echoduet.inference.stream import run_ahead
from echoduet.models.refinement import Rule, refine
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, GrayImage, Prediction

COLUMNS = (
    "name", "file", "width", "height", "label", "label_raw", *(f"probability_{label}" for label in CLASSES),
    "lesion_area", "lesion_area_raw", "lesion_share", "mask", "overlay",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be read, and the sentence that says why."""

    path: Path
    reason: str


@dataclass(slots=True)
class PredictionRun:
    """What came of one run over files: how many were predicted, as what, and which were skipped."""

    predicted: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Answered:
    source: InputFile
    image: GrayImage
    raw: Prediction


def predict_files(
    predictor: Predictor, inputs: Sequence[InputFile], out: Path, refined: bool = True, progress: Progress = silent
) -> PredictionRun:
    """Predict each input and write the outputs under `out`; a file that cannot be read is skipped, the rest done.

    Args:
        predictor: the model.
        inputs: what to predict, each with the name of its outputs.
        out: the folder to write to.
        refined: write answers after prediction refining (mask and class agree); False for the raw ones.
        progress: told about each input.

    Raises:
        OutputError: a file cannot be written; the tables appear only when all is done.
    """
    run = PredictionRun()
    waiting: deque[tuple[InputFile, GrayImage]] = deque()
    images = _readable(progress(inputs, label="predicting", total=len(inputs)), waiting, run)
    answered = (_Answered(*waiting.popleft(), raw) for raw in predictor.predict(images))
    rows = run_ahead(lambda item: _write_one(item, out, refined, predictor.rule), answered, ahead=4)
    with atomic_path(out / "predictions.jsonl") as path, path.open("w", encoding="utf-8") as stream:
        write_csv(out / "predictions.csv", COLUMNS, _logged(rows, stream, run))
    write_csv(
        out / "skipped.csv", ("file", "reason"), ({"file": item.path, "reason": item.reason} for item in run.skipped)
    )
    return run


def _readable(
    inputs: Iterable[InputFile], waiting: deque[tuple[InputFile, GrayImage]], run: PredictionRun
) -> Iterator[tuple[str, GrayImage]]:
    for source, image in run_ahead(_read, inputs, ahead=4):
        if isinstance(image, ImageError):
            run.skipped.append(Skipped(source.path, str(image)))
        else:
            waiting.append((source, image))
            yield source.name, image


def _read(source: InputFile) -> tuple[InputFile, GrayImage | ImageError]:
    try:
        return source, read_gray(source.path)
    except ImageError as error:
        return source, error


def _write_one(item: _Answered, out: Path, refined: bool, rule: Rule) -> dict[str, Any]:
    name, image, raw = item.source.name, item.image, item.raw
    answer = refine(raw, rule)
    shown = answer if refined else raw
    mask, overlay = Path("masks") / f"{name}.png", Path("overlays") / f"{name}.png"
    if shown.mask is not None:
        write_png(out / mask, shown.mask)
    write_overlay(out / overlay, image, shown)
    return {
        "name": name,
        "file": str(item.source.path),
        "width": image.shape[1],
        "height": image.shape[0],
        "label": shown.label and shown.label.value,
        "label_raw": raw.label and raw.label.value,
        "probabilities": _probabilities(raw),
        "lesion_area": _area(shown),
        "lesion_area_raw": _area(raw),
        "lesion_share": None if shown.mask is None else round(float(shown.mask.mean()), 6),
        "mask": None if shown.mask is None else mask.as_posix(),
        "overlay": overlay.as_posix(),
    }


def _probabilities(prediction: Prediction) -> dict[str, float] | None:
    if prediction.probabilities is None:
        return None
    return {label.value: round(float(prediction.probabilities[label.position]), 6) for label in CLASSES}


def _area(prediction: Prediction) -> int | None:
    return None if prediction.mask is None else int(prediction.mask.sum())


def _logged(rows: Iterable[dict[str, Any]], stream: TextIO, run: PredictionRun) -> Iterator[dict[str, Any]]:
    # Each row goes to both tables as it comes: a run over a million images holds none of them.
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        run.predicted += 1
        run.labels[row["label"] or "unclassified"] += 1
        probabilities = row.pop("probabilities") or {}
        yield row | {f"probability_{label}": probabilities.get(label) for label in CLASSES}
