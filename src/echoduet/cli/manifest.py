"""`echoduet manifest`: the table of a data set that every later command reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echoduet.cli.console import console_progress, emit, note, warn
from echoduet.cli.options import DataArgument, FormatOption, JsonOption, OutOption, QuietOption

if TYPE_CHECKING:
    from echoduet.data.manifest import Manifest
    from echoduet.data.verification import Report
    from echoduet.progress import Progress

WITH_PROBLEMS = 1
"""Exit code when files of the data set are not as they should be."""


def manifest(
    data: DataArgument,
    out: OutOption = Path("manifest.csv"),
    format_: FormatOption = None,
    verify: Annotated[
        bool,
        typer.Option(help="Decode every file, list each that is off, and leave its case out; else stop at the first."),
    ] = True,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Write the manifest of a data set: a row for each case, with paths, class, patient, size and SHA-256."""
    from echoduet.data.manifest import write_manifest

    report = _verified(data, format_, console_progress()) if verify else _listed(data, format_, console_progress())
    for problem in report.problems:
        warn(problem.message)
    for text in report.notes:
        note(text)
    write_manifest(report.usable, out)
    emit(_result(report, out), _summary(report, out))
    if not report.ok:
        raise typer.Exit(WITH_PROBLEMS)


def _verified(data: Path, format_: str | None, progress: Progress) -> Report:
    from echoduet.data.manifest import is_manifest, read_manifest
    from echoduet.data.verification import verify
    from echoduet.errors import DataError

    known = read_manifest(data, require_files=False) if format_ is None and is_manifest(data) else None
    report = verify(known or data, format_, progress)
    if not report.usable.cases:
        others = f" (and {len(report.problems) - 1} more problems)" if len(report.problems) > 1 else ""
        raise DataError(f"{data}: holds no usable case. {report.problems[0].message}{others}")
    return report


def _listed(data: Path, format_: str | None, progress: Progress) -> Report:
    from echoduet.data.manifest import open_data
    from echoduet.data.verification import Report

    return Report(open_data(data, format_, progress), ())


def _result(report: Report, out: Path) -> dict[str, object]:
    return {
        "manifest": out,
        "format": report.usable.source,
        "cases": len(report.usable),
        "classes": _classes(report.usable),
        "problems": [{"kind": p.trouble, "file": p.path, "message": p.message} for p in report.problems],
        "notes": list(report.notes),
    }


def _classes(cases: Manifest) -> dict[str, int]:
    from echoduet.data.counts import Counts
    from echoduet.records import CLASSES

    counts = Counts.of(cases)
    return {label.value: counts.of_label(label) for label in CLASSES}


def _summary(report: Report, out: Path) -> str:
    classes = ", ".join(f"{count} {label}" for label, count in _classes(report.usable).items())
    lines = [f"{len(report.usable)} cases ({classes}), {report.usable.source}"]
    if report.problems:
        lines.append(f"{len(report.problems)} problems, listed above; the cases they concern are left out")
    return "\n".join([*lines, f"manifest: {out}"])
