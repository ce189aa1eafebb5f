"""`echoduet evaluate`: score a trained model on cases with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli.console import console_progress, emit, warn
from echoduet.cli.options import (
    DataOption,
    FoldOption,
    FormatOption,
    JsonOption,
    ModelOption,
    OutOption,
    QuietOption,
    SplitsOption,
)

if TYPE_CHECKING:
    from echoduet.config.schema import SplitConfig
    from echoduet.data.manifest import Manifest

AtSizeOption = Annotated[
    int | None,
    typer.Option("--at-size", min=8, max=4096, metavar="N", help="Score on an N x N grid, as the paper does at 128."),
]


def evaluate(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    fold: FoldOption = None,
    splits: SplitsOption = None,
    at_size: AtSizeOption = None,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Score a model per case and in total, and write a report with pictures.

    Every case is scored, or with --fold the test part of that fold. Masks are scored at each image's own size unless
    --at-size is given. Cases that the model was trained or chosen on are reported as such.
    """
    from echoduet.cli.results import provenance, summary, write_results
    from echoduet.data.manifest import open_data
    from echoduet.experiments.evaluate import evaluate as score
    from echoduet.experiments.evaluate import seen_cases, show_examples
    from echoduet.files import require_writable
    from echoduet.inference.predictor import Predictor
    from echoduet.models.shipped import find_model

    path = find_model(model)
    predictor, progress = Predictor.load(path, runtime="torch"), console_progress()
    manifest = open_data(data, format_, progress)
    case_ids = chosen_cases(manifest, predictor.info.config.split, fold, splits)
    warnings = seen_cases(predictor.info, manifest, case_ids).sentences()
    for sentence in warnings:
        warn(sentence)
    require_writable(out)  # now, not after minutes of scoring
    folds = None if fold is None else dict.fromkeys(case_ids, fold)
    (scores,) = score(predictor, manifest, case_ids, folds, (at_size,), progress)
    meta = {"model": str(path), "data": str(data), "fold": fold} | provenance(predictor.info.provenance)
    title = f"Evaluation of {path.name}"
    metrics = write_results(
        out, scores, title, meta, warnings, lambda chosen: show_examples(predictor, manifest, chosen)
    )
    emit(metrics, f"{summary(metrics)}\nreport: {out / 'report.html'}")


def chosen_cases(manifest: Manifest, config: SplitConfig, fold: int | None, splits: Path | None) -> tuple[str, ...]:
    """Return every case, or the test part of `fold`: from the splits file, or else by the model's own protocol.

    Raises:
        SplitError: there is no such fold, the file was made for other cases, or it is given without a fold.
    """
    from echoduet.errors import SplitError
    from echoduet.splits.folds import make_splits
    from echoduet.splits.table import Part, read_splits

    if fold is None:
        if splits is not None:
            raise SplitError(
                "--splits says which cases a fold tests: name the fold with --fold, or leave --splits out."
            )
        return tuple(case.case_id for case in manifest)
    table = read_splits(splits) if splits else make_splits(manifest.cases, config)
    table.require_matches(manifest)
    return table.ids(fold, Part.TEST)
