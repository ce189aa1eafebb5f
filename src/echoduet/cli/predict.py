"""`echoduet predict`: masks, overlays and a table for new images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli.console import console_progress, emit, note, warn
from echoduet.cli.options import JsonOption, ModelOption, OutOption, QuietOption, RuntimeOption
from echoduet.cli.termination import tidy_at_sigterm

if TYPE_CHECKING:
    from echoduet.dicom.beside import Beside
    from echoduet.inference.outputs import PredictionRun
    from echoduet.inference.predictor import Predictor

INCOMPLETE = 1
"""Exit code when inputs were skipped."""


def predict(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Images, or folders of them.", show_default=False)
    ],
    out: OutOption,
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    refine: Annotated[
        bool, typer.Option(help="Make mask and class agree (prediction refining); --no-refine writes the raw answers.")
    ] = True,
    refuse: Annotated[
        bool,
        typer.Option(help="Answer nothing about a picture that fails a check; --no-refuse answers all the same."),
    ] = True,
    maps: Annotated[
        bool, typer.Option("--maps", help="Write the maps of lesion probability and of uncertainty too.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Write what speaks for the class answered too: some 80 more readings a picture."
        ),
    ] = False,
    dicom: Annotated[
        bool, typer.Option(help="Write a DICOM segmentation and report of each DICOM input, under OUT/dicom.")
    ] = True,
    capture: Annotated[
        bool, typer.Option("--capture", help="Write DICOM pictures with the outline drawn in, for viewers without SEG.")
    ] = False,
    nifti: Annotated[bool, typer.Option("--nifti", help="Write each mask as NIfTI too, under OUT/nifti.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, max=1024, help="Images the network sees at a time.")] = 16,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Outline and name the lesion on new images: mask, overlay and a table row for each. Research use only."""
    from echoduet.inference.inputs import find_inputs
    from echoduet.inference.outputs import Wanted, predict_files
    from echoduet.inference.predictor import Predictor

    found = find_inputs(inputs, out)
    if found.masks_left_out:
        first = found.masks_left_out[0].name
        note(f"left out as reference masks of images beside them: {len(found.masks_left_out)} ({first} ...)")
    predictor = Predictor.load(model, batch_size=batch_size, runtime=runtime)
    if refuse and not predictor.gate.thresholds:
        note("this model has no thresholds of refusal, and refuses nothing (see docs/refusals.md)")
    beside = _beside(model, predictor, dicom, capture, nifti)
    wanted = Wanted(refine, refuse, maps, explain, beside)
    with tidy_at_sigterm():
        run = predict_files(predictor, found.files, out, wanted, console_progress())
    for sentence in beside.failures if beside else ():
        warn(sentence)
    for skipped in run.skipped:
        warn(f"skipped: {skipped.reason}")
    emit(_result(run, out, predictor.runtime.name), _summary(run, out, predictor.runtime.name))
    if run.skipped:
        raise typer.Exit(INCOMPLETE)


def _beside(model: Path | None, predictor: Predictor, dicom: bool, capture: bool, nifti: bool) -> Beside | None:
    """Return what writes DICOM and NIfTI; None where neither is wanted, or where the extra is not installed."""
    from importlib.util import find_spec

    from echoduet.errors import ConfigError

    if find_spec("highdicom") is None or find_spec("nibabel") is None:
        if capture or nifti:
            raise ConfigError("--capture, --nifti: need more libraries. Run `pip install 'echoduet[dicom]'`.")
        return None  # without it no DICOM is read either, and the reader says so
    if not (dicom or capture or nifti):
        return None
    from echoduet.dicom.beside import Beside
    from echoduet.files import file_sha256
    from echoduet.models.shipped import find_model

    path = find_model(model)
    kinds = [*(["seg", "sr"] if dicom else []), *(["sc"] if capture else [])]
    return Beside(path.stem, file_sha256(path), predictor.settings(), kinds, nifti)


def _result(run: PredictionRun, out: Path, runtime: str) -> dict[str, object]:
    from echoduet.inference.rows import NOTICE

    return {
        "out": out,
        "runtime": runtime,
        "predicted": run.predicted,
        "labels": dict(run.labels),
        "refused": dict(run.refused),
        "skipped": [{"file": item.path, "reason": item.reason} for item in run.skipped],
        "notice": NOTICE,
    }


def _summary(run: PredictionRun, out: Path, runtime: str) -> str:
    from echoduet.inference.rows import NOTICE

    labels = ", ".join(f"{count} {label}" for label, count in sorted(run.labels.items()))
    lines = [f"{run.predicted} images predicted by {runtime} ({labels})" if run.predicted else "no image predicted"]
    if run.refused:
        grounds = ", ".join(f"{ground} {count}" for ground, count in sorted(run.refused.items()))
        lines.append(f"refused or doubted, by ground: {grounds} (see docs/refusals.md)")
    if run.skipped:
        lines.append(f"{len(run.skipped)} skipped, listed in {out / 'skipped.csv'}")
    return "\n".join([*lines, f"tables, masks and overlays: {out}", NOTICE])
