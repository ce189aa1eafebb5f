"""Taking in a data set: what can be used goes on, what cannot becomes a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.data.manifest import Manifest, is_manifest, list_cases, read_manifest
from echoduet.data.verification import Problem, verify
from echoduet.errors import ManifestError
from echoduet.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Intake:
    """The usable cases of a data set, and a finding for every file that is off."""

    usable: Manifest
    problems: tuple[Finding, ...]


def take_in(data: Path, format: str | None = None, progress: Progress = silent) -> Intake:
    """Decode every file of a data-set folder or manifest once, and part the usable cases from the rest.

    Raises:
        LayoutError: the layout is not recognised, or there is no case.
        ManifestError: a manifest or table is wrong, an id appears twice, or no case is usable.
    """
    known = read_manifest(data, require_files=False) if format is None and is_manifest(data) else None
    listed = known or list_cases(data, format)
    report = verify(known or data, format, progress)
    if not report.usable.cases:
        raise ManifestError(f"{data}: none of the {len(listed)} cases is usable. {report.problems[0].message}")
    owner = {file.absolute(): case.case_id for case in listed for file in (case.image, *case.masks)}
    return Intake(
        report.usable, tuple(_finding(problem, owner.get(problem.path.absolute())) for problem in report.problems)
    )


def unusable_cases(problems: Sequence[Finding]) -> tuple[str, ...]:
    """Return the cases that the findings rule out, each once."""
    return tuple(
        dict.fromkeys(
            case_id for finding in problems if finding.kind is FindingKind.UNUSABLE for case_id in finding.cases
        )
    )


def _finding(problem: Problem, case_id: str | None) -> Finding:
    kind = FindingKind.UNUSABLE if case_id else FindingKind.DATA_SET
    return Finding(kind, (case_id,) if case_id else (), problem.message)
