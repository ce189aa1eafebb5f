"""Taking in one data set or several: what can be used goes on, what cannot becomes a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

import numpy as np

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.index.entries import Entry
from echoduet.curation.index.folder import Index
from echoduet.curation.index.reading import RUN_AGAIN, ReadCases, read_cases
from echoduet.curation.index.sets import DataSet, list_sets
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.sizes import size_scores
from echoduet.data.manifest import Manifest
from echoduet.data.verification import Problem, survey
from echoduet.errors import DataError, ManifestError
from echoduet.progress import Progress, silent
from echoduet.records import Case, Label


@dataclass(frozen=True, slots=True)
class Intake:
    """What a run has to work with.

    Attributes:
        usable: the cases that can be compared, with size and SHA-256. A lesion of whose masks none is there is among
            them, without masks; a manifest that is to be trained on must not hold it.
        rows: the row of each of them in the index, in their order.
        scores: what was measured on image and mask of each.
        problems: a finding for every file that is off, for every lesion without an outline and every normal with one.
        notes: what is worth knowing and no problem.
    """

    usable: Manifest
    rows: Mapping[str, int]
    scores: Mapping[str, Mapping[Issue, float]]
    problems: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def take_in(data: Sequence[Path], index: Index, format: str | None = None, progress: Progress = silent) -> Intake:
    """Read every file that the index does not know yet, and part the usable cases from the rest.

    Args:
        data: folders, tables or manifests. Of several, each puts its name before the ids of its cases.
        index: keeps what is read.
        format: the layout of all of them; None recognises each.
        progress: shows how far the files are read.

    Raises:
        LayoutError: a layout is not recognised, there is no case, a set is given twice or inside another, or links
            lead in a circle.
        ManifestError: a manifest or table is wrong, an id appears twice, or no case is usable.
        OutputError: the index cannot be written.
    """
    sets = list_sets(data, format)
    source = sets[0].listed.source if len(sets) == 1 else ", ".join(one.name for one in sets)
    listed = Manifest(tuple(chain.from_iterable(one.renamed() for one in sets)), source)
    read = read_cases(index, listed.cases, progress)
    if not read.rows:
        first = next(iter(read.problems.values()))[0].message
        raise ManifestError(f"{data[0]}: none of the {len(listed)} cases is usable. {first}")
    usable = listed.with_cases(
        _seen(case, index[read.rows[case.case_id]]) for case in listed if case.case_id in read.rows
    )
    scores = _scores(usable, read, index)
    strange, notes = _surveyed(sets, index.folder)
    problems = (*_unusable(read), *strange, *_changes(sets), *_outline_findings(usable, read, index))
    return Intake(usable, read.rows, scores, problems, notes)


def unusable_cases(problems: Sequence[Finding]) -> tuple[str, ...]:
    """Return the cases that the findings rule out, each once."""
    return tuple(
        dict.fromkeys(
            case_id for finding in problems if finding.kind is FindingKind.UNUSABLE for case_id in finding.cases
        )
    )


def _seen(case: Case, entry: Entry) -> Case:
    """Return the case with what was seen of its image, and without masks where none of them is there."""
    masks = case.masks if any(size >= 0 for size, _ in entry.stamps[1:]) else ()
    return replace(case, masks=masks, width=entry.width, height=entry.height, sha256=entry.sha256)


def _scores(usable: Manifest, read: ReadCases, index: Index) -> dict[str, dict[Issue, float]]:
    """Return the scores of each case: its own, and how odd its size is among the images of its set."""
    scores = {
        case_id: {Issue(name): value for name, value in index[row].scores.items()} for case_id, row in read.rows.items()
    }
    for _, members in groupby(sorted(usable, key=_source), _source):
        cases = tuple(members)
        odd = size_scores(np.array([(case.width, case.height) for case in cases]))
        for case, sizes in zip(cases, odd, strict=True):
            scores[case.case_id] |= sizes
    return scores


def _source(case: Case) -> str:
    return case.source


def _unusable(read: ReadCases) -> Iterator[Finding]:
    for case_id, problems in read.problems.items():
        for problem in problems:
            yield Finding(FindingKind.UNUSABLE, (case_id,), problem.message)


def _surveyed(sets: Sequence[DataSet], index: Path) -> tuple[list[Finding], tuple[str, ...]]:
    """Return findings about the folders, and notes; a manifest says nothing about what lies beside its files."""
    surveys = [survey(one.path, one.listed) for one in sets if not one.is_manifest]
    problems: Iterable[Problem] = chain.from_iterable(problems for problems, _ in surveys)
    inside = index.absolute()
    findings = [
        Finding(FindingKind.DATA_SET, (), problem.message)
        for problem in problems
        if inside not in problem.path.absolute().parents
    ]
    return findings, tuple(chain.from_iterable(notes for _, notes in surveys))


def _changes(sets: Iterable[DataSet]) -> Iterator[Finding]:
    """Yield a finding for every data set that no longer lists the cases that were read."""
    for one in sets:
        try:
            now = {(case.image, case.masks) for case in one.list_again()}
        except DataError as error:
            yield Finding(FindingKind.DATA_SET, (), f"{one.path}: changed while it was read. {error}")
            continue
        before = {(case.image, case.masks) for case in one.listed}
        if now != before:
            message = f"{one.path}: changed while it was read: {_difference(before, now)}. {RUN_AGAIN}"
            yield Finding(FindingKind.DATA_SET, (), message)


def _difference(before: set[tuple[Path, tuple[Path, ...]]], now: set[tuple[Path, tuple[Path, ...]]]) -> str:
    (old, new), changed = ({image for image, _ in cases} for cases in (before, now)), now ^ before
    counts = (
        (len(new - old), "new"),
        (len(old - new), "gone"),
        (len({i for i, _ in changed} & old & new), "with other masks"),
    )
    first = min(image for image, _ in changed)
    return ", ".join(f"{count} {what}" for count, what in counts if count) + f" ({first.name} among them)"


def _outline_findings(usable: Manifest, read: ReadCases, index: Index) -> Iterator[Finding]:
    """Yield a finding for every lesion without an outline, and for every normal with one."""
    for case in usable:
        outlined = index[read.rows[case.case_id]].outlined
        if case.label is Label.NORMAL and outlined:
            message = f"{case.image}: is normal, but its mask outlines a lesion of {outlined} pixels."
            yield Finding(FindingKind.NORMAL_WITH_MASK, (case.case_id,), message, value=float(outlined))
        if case.label is not Label.NORMAL and not outlined:
            state = "its mask is empty" if case.masks else "has no mask"
            message = f"{case.image}: is {case.label}, but {state}. Add its mask, or take its case out."
            yield Finding(FindingKind.LESION_WITHOUT_MASK, (case.case_id,), message)
