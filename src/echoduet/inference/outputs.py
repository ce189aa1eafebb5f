"""Predict files, and write what came of each.

A run leaves `masks/<name>.png` (the lesion at the image's own size, 0 or 255), `overlays/<name>.png` (the image with
the contour and the answer), `predictions.csv` (one row an image), `predictions.jsonl` (the same and more, one JSON
object a line), `lesions.csv` (one row a lesion), `skipped.csv` (the files that could not be read, and why) and
`NOTICE.txt` (research use only). On request `probability/`, `uncertainty/` and `explanation/` hold the maps as
pictures.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from echoduet.data.images import write_png
from echoduet.data.scans import read_scans
from echoduet.errors import ImageError
from echoduet.files import write_text
from echoduet.inference.heat import MOST_SPREAD, as_gray, draw_explanation
from echoduet.inference.inputs import InputFile
from echoduet.inference.measurements import measure_lesions
from echoduet.inference.overlay import write_overlay
from echoduet.inference.predictor import Predictor
from echoduet.inference.rows import NOTICE, record
from echoduet.inference.stream import run_ahead
from echoduet.inference.tables import open_tables
from echoduet.progress import Progress, silent
from echoduet.records import Analysis, Prediction, Scan

Documents = Callable[[InputFile, Sequence[Analysis], Path], object]
"""Writes further files about an input, from the analyses of all its frames, under a folder."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to answer and write.

    Attributes:
        refined: write answers after prediction refining (mask and class agree); False for the raw ones.
        refuse: answer nothing about a picture that a check refuses.
        maps: write the maps of lesion probability and of uncertainty too.
        explain: make and write the explanation map too.
        documents: called once for each input that was read, with the analyses of all its frames; their maps are gone.
    """

    refined: bool = True
    refuse: bool = True
    maps: bool = False
    explain: bool = False
    documents: Documents | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be read, and the sentence that says why."""

    path: Path
    reason: str


@dataclass(slots=True)
class PredictionRun:
    """What came of one run over files: how many were predicted, as what, refused on which ground, and which skipped."""

    predicted: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Answered:
    source: InputFile
    analysis: Analysis


def predict_files(
    predictor: Predictor,
    inputs: Sequence[InputFile],
    out: Path,
    wanted: Wanted = Wanted(),
    progress: Progress = silent,
) -> PredictionRun:
    """Predict each input and write the outputs under `out`; a file that cannot be read is skipped, the rest done.

    Of a file with several frames, those before a damaged one are answered.

    Args:
        predictor: the model.
        inputs: what to predict, each with the name of its outputs.
        out: the folder to write to.
        wanted: what to answer and write.
        progress: told about each input.

    Raises:
        OutputError: a file cannot be written; the tables appear only when all is done.
    """
    run = PredictionRun()
    waiting: deque[InputFile] = deque()
    scans = _readable(progress(inputs, label="predicting", total=len(inputs)), waiting, run)
    analyses = predictor.analyse(scans, refuse=wanted.refuse, explain=wanted.explain)
    answered: Iterator[_Answered] = (_Answered(waiting.popleft(), analysis) for analysis in analyses)
    if wanted.documents is not None:
        answered = _documented(answered, out, wanted.documents)
    with open_tables(out) as tables:
        for row in run_ahead(lambda item: _write_one(item, out, wanted), answered, ahead=4):
            tables.add(row)
            _count(run, row)
        for item in run.skipped:
            tables.skip(item.path, item.reason)
        write_text(out / "NOTICE.txt", f"{NOTICE}\n")
    return run


def _count(run: PredictionRun, row: dict[str, Any]) -> None:
    run.refused.update(row["refused"])
    if row["label_raw"] is None and row["lesion_area_raw"] is None:
        return
    run.predicted += 1
    run.labels[row["label"] or "unclassified"] += 1


def _readable(inputs: Iterable[InputFile], waiting: deque[InputFile], run: PredictionRun) -> Iterator[Scan]:
    for source, first, others in run_ahead(_open, inputs, ahead=4):
        try:
            if isinstance(first, ImageError):
                raise first
            for scan in chain((first,), others):
                waiting.append(source)
                yield scan
        except ImageError as error:
            run.skipped.append(Skipped(source.path, str(error)))


def _open(source: InputFile) -> tuple[InputFile, Scan | ImageError, Iterator[Scan]]:
    """Read the first frame; the others are read as they are asked for."""
    scans = read_scans(source.path, source.name)
    try:
        return source, next(scans), scans
    except ImageError as error:
        return source, error, scans


def _documented(answered: Iterable[_Answered], out: Path, documents: Documents) -> Iterator[_Answered]:
    """Pass the answers on; once the last one of a file has gone, let its documents be written."""
    source: InputFile | None = None
    gathered: list[Analysis] = []
    for item in answered:
        if source is not None and item.source is not source:
            documents(source, gathered, out)
            gathered = []
        source = item.source
        gathered.append(_lightened(item.analysis))
        yield item
    if source is not None:
        documents(source, gathered, out)


def _lightened(analysis: Analysis) -> Analysis:
    """Return an analysis without its maps: those of a long loop would fill the memory."""
    uncertainty = analysis.uncertainty and replace(analysis.uncertainty, spread=None)
    raw = analysis.raw and replace(analysis.raw, mask=None, faint=None)
    return replace(analysis, raw=raw, lesion_map=None, uncertainty=uncertainty, explanation=None)


def _write_one(item: _Answered, out: Path, wanted: Wanted) -> dict[str, Any]:
    analysis, scan = item.analysis, item.analysis.scan
    shown = analysis.refined if wanted.refined else analysis.raw
    lesions = analysis.lesions
    if not wanted.refined and shown is not None and shown.mask is not None:
        lesions = measure_lesions(shown.mask, scan.spacing, analysis.lesion_map)
    row = record(analysis, shown, lesions)
    places = _write_pictures(analysis, shown, out, wanted)
    return {"name": row.pop("name"), "file": str(item.source.path), **row, **places}


def _write_pictures(analysis: Analysis, shown: Prediction | None, out: Path, wanted: Wanted) -> dict[str, str | None]:
    """Write the pictures of one answer; return where its mask and overlay lie, None where there is none."""
    if shown is None:
        return {"mask": None, "overlay": None}
    scan = analysis.scan
    mask, overlay = Path("masks") / f"{scan.name}.png", Path("overlays") / f"{scan.name}.png"
    if shown.mask is not None:
        write_png(out / mask, shown.mask)
    write_overlay(out / overlay, scan.image, shown)
    if wanted.maps and analysis.lesion_map is not None:
        write_png(out / "probability" / f"{scan.name}.png", as_gray(analysis.lesion_map))
    if wanted.maps and analysis.uncertainty is not None and analysis.uncertainty.spread is not None:
        write_png(out / "uncertainty" / f"{scan.name}.png", as_gray(analysis.uncertainty.spread, MOST_SPREAD))
    if analysis.explanation is not None:
        write_png(out / "explanation" / f"{scan.name}.png", draw_explanation(scan.image, analysis.explanation))
    return {"mask": None if shown.mask is None else mask.as_posix(), "overlay": overlay.as_posix()}
