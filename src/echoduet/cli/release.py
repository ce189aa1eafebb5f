"""`echoduet release`: the bundle that ships, with out-of-fold scores and a model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from echoduet.cli.console import console_progress, emit, note
from echoduet.cli.options import (
    ConfigOption,
    DataOption,
    FormatOption,
    JsonOption,
    QuietOption,
    SetOption,
    SplitsOption,
)

if TYPE_CHECKING:
    from echoduet.experiments.release.members import Member


def release(
    config: ConfigOption,
    data: DataOption,
    out: Annotated[Path, Option("--out", help="The bundle to write (.safetensors); its card goes beside it.")],
    seeds: Annotated[str, Option("--seeds", metavar="N,N,...", help="One member per seed.")] = "0,1,2",
    runs: Annotated[
        Path, Option("--runs", help="Where finished runs are looked for, at any depth, and new ones go.")
    ] = Path("runs/release"),
    results: Annotated[
        Path | None,
        Option("--results", help="Where out-of-fold rows and totals go; results/NAME when left out."),
    ] = None,
    splits: SplitsOption = None,
    set_: SetOption = None,
    storage: Annotated[
        Literal["float32", "float16", "int8"], Option("--storage", help="How weights lie in the bundle.")
    ] = "float16",
    max_mb: Annotated[float, Option("--max-mb", min=0.1, help="The most the bundle may take, in MB.")] = 25.0,
    about: Annotated[str, Option("--about", help="What the data are, in a sentence for the model card.")] = "",
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train every fold with every seed, score out of fold, choose thresholds, and write bundle and model card.

    The same command run again goes on where it stopped: a finished run that learnt by the same configuration from the
    same cases is reused. The shipped members are trained on all cases; the scores are of networks that did not see the
    case, at thresholds chosen on other folds.
    """
    from echoduet.cli.results import summary
    from echoduet.config.load import load_config
    from echoduet.data.manifest import open_data
    from echoduet.experiments.release.make import Recipe
    from echoduet.experiments.release.make import release as make
    from echoduet.reporting.model_card import write_card
    from echoduet.splits.folds import make_splits, read_splits

    experiment, progress = load_config(config, set_), console_progress()
    numbers = parse_seeds(seeds)
    manifest = open_data(data, format_, progress)
    table = read_splits(splits) if splits else make_splits(manifest.cases, experiment.split)
    recipe = Recipe(experiment, manifest, table, numbers, runs, storage, max_mb, about)
    done = make(recipe, out, results or Path("results") / out.stem, progress, _tell)
    card = write_card(out.with_suffix(".md"), out, done.rows)
    megabytes = round(out.stat().st_size / 1e6, 2)
    emit(
        {"bundle": out, "card": card, "rows": done.rows, "mb": megabytes, "thresholds": done.info.thresholds},
        f"{summary(done.metrics)}\n{out}: {megabytes} MB, {len(numbers)} members\nmodel card: {card}",
    )


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that `text` lists.

    Raises:
        ConfigError: one is no whole number, or stands twice.
    """
    from echoduet.errors import ConfigError

    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--seeds {text}: needs whole numbers with commas between, as in --seeds 0,1,2.") from error
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"--seeds {text}: names a seed twice. Two members of one seed are one.")
    return seeds


def _tell(member: Member) -> None:
    what = "all cases" if member.fold is None else f"fold {member.fold}"
    note(f"{what}, seed {member.seed}: {'trained' if member.trained else 'was finished already'} ({member.model})")
