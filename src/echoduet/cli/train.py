"""`echoduet train`: one run on one fold, or on everything."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from echoduet.cli.console import console_progress, emit
from echoduet.cli.options import (
    ConfigOption,
    DataOption,
    FoldOption,
    FormatOption,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SplitsOption,
)


def train(
    config: ConfigOption,
    data: DataOption,
    out: OutOption,
    fold: FoldOption = None,
    splits: SplitsOption = None,
    set_: SetOption = None,
    format_: FormatOption = None,
    resume: Annotated[bool, Option("--resume", help="Continue the run that --out holds.")] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train a network and leave a complete run folder: model, configuration, environment, metrics, curves.

    With --fold the test part of that fold is never looked at; without it, all cases become train and validation.
    """
    from echoduet.config.load import load_config
    from echoduet.data.manifest import open_data
    from echoduet.experiments.thresholds import tune_if_asked
    from echoduet.models.info import read_info
    from echoduet.reporting.curves import write_curves
    from echoduet.runs import RunFolder
    from echoduet.splits.table import read_splits
    from echoduet.training.run import train_fold

    experiment = load_config(config, set_)
    table = read_splits(splits) if splits else None
    progress = console_progress()
    manifest = open_data(data, format_, progress)
    model = train_fold(experiment, manifest, table, fold, out, resume, progress)
    tune_if_asked(experiment, model, manifest, progress)
    rows = RunFolder(out).rows()
    write_curves(rows, out / "curves.png")
    kept = read_info(model).provenance
    epochs, best = rows[-1]["epoch"], rows[-1]["best_epoch"]
    result = {"model": model, "epochs": epochs, "best_epoch": best} | {
        key: kept[key] for key in ("epoch", "validation")
    }
    scores = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in kept["validation"].items())
    emit(result, f"{model}\n{epochs} epochs; validation at the one kept, {kept['epoch']}: {scores}")
