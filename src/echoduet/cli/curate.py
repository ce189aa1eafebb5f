"""`echoduet curate`: find related images and conflicts in one data set or several, decide, and say why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from echoduet.cli.console import console_progress, emit, note, warn
from echoduet.cli.options import FormatOption, JsonOption, OutOption, QuietOption
from echoduet.curation.settings import ConflictRule, CurationSettings, Policy, matching_of, thresholds_of

if TYPE_CHECKING:
    from echoduet.curation.pipeline import Curation
    from echoduet.curation.review import Review

DEFAULTS = CurationSettings()

WITH_PROBLEMS = 1
"""Exit code when cases had to be left out because a file of theirs cannot be used."""


def curate(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="One data set or several: folders, whose layout is recognised, or manifests (.csv).",
            show_default=False,
        ),
    ],
    out: OutOption,
    policy: Annotated[
        Policy | None,
        typer.Option(
            help="What to do with images of one scan: keep none of them (the default, as the paper does), keep the "
            "best of each group, keep all and tie them together, drop nothing and judge nothing, or follow "
            "--published-list.",
        ),
    ] = None,
    conflicts: Annotated[
        ConflictRule,
        typer.Option(help="What to do with images that contradict each other: leave them to a person, drop or keep."),
    ] = DEFAULTS.conflicts,
    published_list: Annotated[
        Path | None, typer.Option(help="Keep exactly the images on this list (CSV with the columns class;id).")
    ] = None,
    score_against: Annotated[
        Path | None,
        typer.Option(help="Compare the copies found with those that this list leaves out; decides nothing."),
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="Answers of a person, which are obeyed; OUT/review.csv when it is there.")
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what was read, so that only new images are read again; OUT/index."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="From which score on a finding is told, as in calipers=0.7."),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="When images are related, as in confidence=0.8."),
    ] = None,
    mask_threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Masks of one scan with a Dice below it contradict each other.")
    ] = DEFAULTS.mask_agreement,
    format_: FormatOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Find copies, frames of one scene, conflicts and other trouble, and write a curated manifest with a report."""
    from echoduet.curation.pipeline import Rules
    from echoduet.curation.pipeline import curate as curate_data
    from echoduet.curation.published import listed_cases, read_published_list
    from echoduet.curation.tables import write_tables
    from echoduet.files import require_writable
    from echoduet.reporting.curation import write_curation_report

    settings = CurationSettings(matching_of(match or ()), thresholds_of(threshold or ()), mask_threshold, conflicts)
    rule = policy or (Policy.PUBLISHED if published_list else Policy.DROP_ALL)
    published = read_published_list(published_list) if published_list else None
    reference = read_published_list(score_against) if score_against else None
    answers = _answers(review, out / "review.csv")
    progress = console_progress()
    require_writable(out)  # now, not after minutes of comparing
    rules = Rules(rule, settings, published, reference, answers)
    curation = curate_data(data, index or out / "index", rules, format_, progress)
    _tell_problems(curation)
    write_tables(curation, out)
    against = reference or published
    listed = listed_cases(against, list(curation.cases.values()))[0] if against else None
    title = f"Curation of {', '.join(path.name for path in data)}"
    report = write_curation_report(curation, out / "report.html", title, progress, listed)
    summary = curation.summary()
    emit(summary | {"report": report}, "\n".join([*_lines(summary, out), f"report: {report}"]))
    if summary["findings"]["unusable"]:
        raise typer.Exit(WITH_PROBLEMS)


def _answers(given: Path | None, usual: Path) -> Review:
    from echoduet.curation.review import Review, read_review

    return Review() if given is None and not usual.exists() else read_review(given or usual)


def _tell_problems(curation: Curation) -> None:
    from echoduet.curation.conflicts import FindingKind

    for text in curation.notes:
        note(text)
    for finding in curation.findings:
        if finding.kind in (FindingKind.UNUSABLE, FindingKind.DATA_SET):
            warn(finding.message)


def _lines(summary: Mapping[str, Any], out: Path) -> Iterator[str]:
    found, kept, scans, scenes = (summary[key] for key in ("findings", "kept", "scan_groups", "groups"))
    pairs = ", ".join(f"{count} {relation}" for relation, count in summary["pairs"].items())
    yield (
        f"{summary['cases']['all']} images; groups of one scan: {scans['number']} ({scans['images']} images), "
        f"of one scene: {scenes['number']} ({scenes['images']} images); pairs: {pairs}"
    )
    yield (
        f"conflicts: {found['label-conflict']} of classes in a group, {found['normal-copies-lesion']} of a normal "
        f"with a lesion, {found['mask-conflict']} of masks in a pair, {found['lesion-without-mask']} lesions without "
        f"a mask, {found['normal-with-mask']} normals with one"
    )
    if found["cross-set"]:
        yield f"pairs across data sets: {found['cross-set']}"
    if flagged := ", ".join(f"{count} {issue}" for issue, count in summary["issues"].items() if count):
        yield f"findings: {flagged}"
    classes = ", ".join(f"{count} {label}" for label, count in kept.items() if label != "all")
    yield f"{summary['policy']} keeps {kept['all']} ({classes})"
    if waiting := summary["decisions"]["review"]:
        yield f"{waiting} images wait for a person: echoduet review {out}"
    for score, what in ((summary["score"], "copies"), (summary["scene_score"], "copies and frames of one scene")):
        if score:
            yield (
                f"against the list, {what}: precision {score['precision']:.3f}, recall {score['recall']:.3f} "
                f"({score['true_positives']} found, {score['false_positives']} too many, "
                f"{score['false_negatives']} missed)"
            )
