"""`echoduet compare`: what the differences between several systems are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from echoduet.cli.console import emit, warn
from echoduet.cli.options import JsonOption, OutOption, QuietOption

if TYPE_CHECKING:
    from echoduet.experiments.comparison.arms import Arm

RunsArgument = Annotated[
    list[Path],
    Argument(
        metavar="RUN_A RUN_B [MORE]...",
        help="Two or more folders or files with a cases.csv: of evaluate, of crossval, or of an ablation (a cell, or a "
        "setting with its folders seed_N/fold_K).",
        show_default=False,
    ),
]
NamesOption = Annotated[
    str | None,
    Option("--names", metavar="A,B,...", help="What the systems are called; by default their folders' names."),
]
ReferenceOption = Annotated[
    str | None,
    Option("--reference", metavar="NAME", help="The one all others are compared with; the first by default."),
]
RawOption = Annotated[bool, Option("--raw", help="Compare the networks' own answers, without prediction refining.")]


def compare(
    runs: RunsArgument,
    out: OutOption,
    names: NamesOption = None,
    reference: ReferenceOption = None,
    raw: RawOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Compare systems that were scored on the same seeds, folds and cases: table, tests, figures and a report.

    Differences come with a 95 % interval and a p value that treat copies of a scan as one case, adjusted by Holm for
    their number. Runs that do not pair are refused, and nothing is written.
    """
    from echoduet.cli.results import provenance
    from echoduet.experiments.comparison.arm_files import matched_seeds, read_arm, read_curves
    from echoduet.experiments.comparison.arms import paired
    from echoduet.files import require_writable
    from echoduet.reporting.comparison import ReportContext, require_own, write_comparison

    called = chosen_names(runs, names)
    variant = "raw" if raw else "refined"
    read = [read_arm(run, name, variant) for run, name in zip(runs, called, strict=True)]
    arms = paired(matched_seeds(read))
    require_own(out, arms)
    require_writable(out)
    context = ReportContext(
        title=" against ".join(called) if len(called) == 2 else f"{len(called)} systems compared",
        reference=reference,
        curves={name: read_curves(run) for run, name in zip(runs, called, strict=True)},
        meta={"answers": variant, "runs": dict(zip(called, map(str, runs), strict=True))} | provenance({}),
    )
    comparison = write_comparison(out, arms, context)
    for sentence in comparison["warnings"]:
        warn(sentence)
    emit(comparison, f"{summary(comparison, arms)}\nreport: {out / 'report.html'}")


def chosen_names(runs: Sequence[Path], names: str | None) -> list[str]:
    """Return what each run is called: as asked, or the shortest ends of their paths that tell them apart.

    Raises:
        PairingError: fewer than two runs, or not as many names as runs.
    """
    from echoduet.errors import PairingError

    if len(runs) < 2:
        raise PairingError(f"{runs[0]}: there is nothing to compare it with. Name two runs or more.")
    if names is not None:
        asked = [name.strip() for name in names.split(",")]
        if len(asked) != len(runs) or not all(asked):
            raise PairingError(f"--names {names}: {len(asked)} names for {len(runs)} runs. Give one each, with commas.")
        return asked
    folders = [(run.parent if run.suffix == ".csv" else run).resolve() for run in runs]
    for length in range(1, max(len(folder.parts) for folder in folders)):
        called = ["/".join(folder.parts[-length:]) for folder in folders]
        if len(set(called)) == len(called):
            return called
    raise PairingError("The same run is named twice. Name different runs, or tell them apart with --names.")


def summary(comparison: Mapping[str, Any], arms: Sequence[Arm]) -> str:
    """Return each difference with its interval and p values, one a line."""
    from echoduet.reporting.comparison import difference_lines

    seeds = len(arms[0].rows)
    head = f"{len(arms[0].cases)} cases, {seeds} seed{'s' if seeds > 1 else ''}"
    lines = list(difference_lines(comparison["comparisons"]))
    return "\n".join([head, *(lines or ["They answer different tasks, so that no figure of theirs can be compared."])])
