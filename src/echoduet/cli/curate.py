"""`echoduet curate`: find copies and conflicts in a data set, decide, and say why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli.console import console_progress, emit, warn
from echoduet.cli.options import DataArgument, FormatOption, JsonOption, OutOption, QuietOption
from echoduet.curation.settings import CurationSettings, Policy

if TYPE_CHECKING:
    from echoduet.curation.pipeline import Curation

DEFAULTS = CurationSettings()

WITH_PROBLEMS = 1
"""Exit code when cases had to be left out because a file of theirs cannot be used."""


def curate(
    data: DataArgument,
    out: OutOption,
    policy: Annotated[
        Policy | None,
        typer.Option(
            help="What to do with copies: keep none of them (the default, as the paper does), keep the largest of each "
            "group, drop nothing, or follow --published-list.",
        ),
    ] = None,
    published_list: Annotated[
        Path | None, typer.Option(help="Keep exactly the images on this list (CSV with the columns class;id).")
    ] = None,
    score_against: Annotated[
        Path | None,
        typer.Option(help="Compare the copies found with those that this list leaves out; changes nothing."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least similarity (SSIM) of near copies.")
    ] = DEFAULTS.near,
    candidate_threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least correlation of thumbnails for a closer look.")
    ] = DEFAULTS.candidate,
    mask_threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Masks of copies with a Dice below it contradict each other.")
    ] = DEFAULTS.mask_agreement,
    side: Annotated[
        int, typer.Option(min=8, max=512, help="Side of the thumbnails that are compared, in pixels.")
    ] = DEFAULTS.side,
    mirrored: Annotated[bool, typer.Option(help="Also look for images flipped left to right.")] = DEFAULTS.mirrored,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Find copies and conflicts in a data set, and write a curated manifest with a report of every pair."""
    from echoduet.curation.intake import take_in, unusable_cases
    from echoduet.curation.pipeline import curate as curate_manifest
    from echoduet.curation.published import read_published_list
    from echoduet.curation.tables import write_tables
    from echoduet.files import require_writable
    from echoduet.reporting.curation import write_curation_report

    settings = CurationSettings(side, candidate_threshold, threshold, mask_threshold, mirrored)
    rule = policy or (Policy.PUBLISHED if published_list else Policy.DROP_ALL)
    published = read_published_list(published_list) if published_list else None
    reference = read_published_list(score_against) if score_against else None
    progress = console_progress()
    intake = take_in(data, format_, progress)
    require_writable(out)  # now, not after minutes of comparing
    for problem in intake.problems:
        warn(problem.message)
    curation = curate_manifest(intake.usable, rule, settings, published, reference, intake.problems, progress)
    write_tables(curation, out)
    report = write_curation_report(curation, out / "report.html", f"Curation of {data.name}", progress)
    emit(curation.summary() | {"report": report}, f"{_text(curation)}\nreport: {report}")
    if unusable_cases(intake.problems):
        raise typer.Exit(WITH_PROBLEMS)


def _text(curation: Curation) -> str:
    summary = curation.summary()
    pairs = ", ".join(f"{count} {relation}" for relation, count in summary["pairs"].items())
    found, kept, groups = summary["findings"], summary["kept"], summary["groups"]
    classes = ", ".join(f"{count} {label}" for label, count in kept.items() if label != "all")
    lines = [
        f"{summary['cases']['all']} images, {groups['images']} of them with copies; "
        f"groups of copies: {groups['number']} (pairs: {pairs})",
        f"conflicts: {found['label-conflict']} of classes in a group, {found['mask-conflict']} of masks in a pair",
        f"{summary['policy']} keeps {kept['all']} ({classes})",
    ]
    if score := summary["score"]:
        lines.append(
            f"against the list: precision {score['precision']:.3f}, recall {score['recall']:.3f} "
            f"({score['true_positives']} found, {score['false_positives']} too many, {score['false_negatives']} missed)"
        )
    return "\n".join(lines)
