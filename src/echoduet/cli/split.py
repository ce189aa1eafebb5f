"""`echoduet split`: which case stands in which part of which fold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from echoduet.cli.console import console_progress, emit, warn
from echoduet.cli.options import FormatOption, JsonOption, ManifestArgument, OutOption, QuietOption, SeedOption

if TYPE_CHECKING:
    from echoduet.splits.table import SplitTable


def split(
    manifest: ManifestArgument,
    protocol: Annotated[
        Literal["paper", "clean"],
        typer.Option(
            help="The paper's folds, image by image, or folds that keep copies and patients together.",
            show_default=False,
        ),
    ],
    out: OutOption = Path("splits.csv"),
    folds: Annotated[int, typer.Option(min=2, max=20, help="Number of folds.")] = 4,
    seed: SeedOption = 1993,
    train_share: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Share of train in what is not test; the rest is val.")
    ] = 0.8,
    also_train: Annotated[
        Path | None,
        typer.Option(
            "--also-train",
            metavar="MANIFEST",
            help="A larger manifest: its further cases are trained on in each fold that does not score a relative.",
        ),
    ] = None,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Divide the cases into folds, each with a train, val and test part, and write them as a table."""
    from echoduet.config.schema import SplitConfig
    from echoduet.data.manifest import open_data
    from echoduet.splits.extras import with_extras
    from echoduet.splits.folds import make_splits
    from echoduet.splits.leakage import find_leaks
    from echoduet.splits.table import write_splits

    cases = open_data(manifest, format_, console_progress()).cases
    table = make_splits(cases, SplitConfig(protocol=protocol, folds=folds, seed=seed, train_share=train_share))
    if also_train is not None:
        cases = open_data(also_train, format_, console_progress()).cases
        table = with_extras(table, cases)
    write_splits(table, out)
    leaks = find_leaks(table, cases)
    if leaks:
        warn(f"{leaks[0]}: {len(leaks)} such leaks, with which training is refused. Use --protocol clean.")
    sizes = _sizes(table)
    result = {"splits": out, "protocol": protocol, "cases": len(cases), "folds": sizes, "leaks": len(leaks)}
    lines = [", ".join(f"{part} {count}" for part, count in fold.items()) for fold in sizes]
    emit(result, "\n".join([*(f"fold {i}: {line}" for i, line in enumerate(lines)), f"splits: {out}"]))


def _sizes(table: SplitTable) -> list[dict[str, int]]:
    from echoduet.splits.table import Part

    sizes = [{part.value: len(table.ids(fold, part)) for part in Part} for fold in table.folds]
    return [{part: size for part, size in fold.items() if size or part != Part.UNUSED} for fold in sizes]
