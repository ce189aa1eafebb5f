"""`echoduet crossval`: train and test on every fold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoduet.cli.console import console_progress, emit, note
from echoduet.cli.evaluate import AtSizeOption
from echoduet.cli.options import (
    ConfigOption,
    DataOption,
    FormatOption,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SplitsOption,
)

if TYPE_CHECKING:
    from echoduet.experiments.crossval import FoldRun
    from echoduet.experiments.evaluate import Scores


def crossval(
    config: ConfigOption,
    data: DataOption,
    out: OutOption,
    splits: SplitsOption = None,
    set_: SetOption = None,
    at_size: AtSizeOption = None,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train on each fold, test on its test part, and report all test parts together, with the spread over folds.

    The same command run again goes on where it stopped: finished folds are not trained again. With --at-size the
    results at each image's own size are written too, into the folder `native`.
    """
    from echoduet.cli.results import provenance, summary, write_results
    from echoduet.config.load import load_config
    from echoduet.data.manifest import open_data
    from echoduet.experiments.crossval import cross_validate, show_fold_examples
    from echoduet.splits.folds import make_splits, read_splits

    experiment, progress = load_config(config, set_), console_progress()
    manifest = open_data(data, format_, progress)
    table = read_splits(splits) if splits else make_splits(manifest.cases, experiment.split)
    at_sizes = (None,) if at_size is None else (at_size, None)
    scores = cross_validate(experiment, manifest, table, out, at_sizes, progress, _finish_fold)
    folds = table.test_folds()
    meta = {"experiment": experiment.name, "data": str(data), "folds": list(table.folds)} | provenance({})
    metrics = write_results(
        out,
        scores[0],
        f"Cross-validation of {experiment.name}",
        meta,
        show=lambda chosen: show_fold_examples(out, manifest, chosen, folds),
    )
    _write_native(out, scores[1:], meta)
    emit(metrics, f"{summary(metrics)}\nreport: {out / 'report.html'}")


def _write_native(out: Path, scores: tuple[Scores, ...], meta: dict[str, Any]) -> None:
    from echoduet.cli.results import write_results

    for native in scores:
        write_results(out / "native", native, "", meta)


def _finish_fold(run: FoldRun) -> None:
    from echoduet.reporting.curves import write_curves
    from echoduet.runs import RunFolder

    write_curves(RunFolder(run.path).rows(), run.path / "curves.png")
    note(f"fold {run.fold}: {'trained' if run.trained else 'was finished already'} ({run.model})")
