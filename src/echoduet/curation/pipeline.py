"""Curation from end to end: related pairs, groups, conflicts, findings, decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from echoduet.curation.agreement import mask_agreements
from echoduet.curation.conflicts import (
    Finding,
    FindingKind,
    across_sets,
    label_conflicts,
    mask_conflicts,
    normal_copies,
)
from echoduet.curation.decisions import Decision, Evidence, Verdict, decide, decide_by_list, mean_agreements
from echoduet.curation.groups import Group, Groups, membership, related_groups, ties
from echoduet.curation.index.collections import take_in, unusable_cases
from echoduet.curation.index.folder import Index
from echoduet.curation.index.search import related
from echoduet.curation.index.sets import list_sets
from echoduet.curation.published import PublishedList, Score, disagreements, listed_cases, score
from echoduet.curation.quality.flags import flags
from echoduet.curation.quality.issues import OVERLAYS, Issue, Scores
from echoduet.curation.relations import Pair, Relation
from echoduet.curation.review import Review, obey_pairs
from echoduet.curation.settings import CurationSettings, Policy
from echoduet.data.manifest import Manifest
from echoduet.errors import ConfigError
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, Case

UNUSABLE = "a file of the case cannot be used"
"""The reason of a drop that no policy decided."""


@dataclass(frozen=True, slots=True)
class Curation:
    """What curation found and decided.

    Attributes:
        cases: every usable case, by id.
        kept: the curated manifest; `group` ties the related images that it still holds.
        pairs: the related images, in the order of the cases.
        agreements: the Dice of the aligned masks of each pair, by its two ids.
        groups: tied by any relation: what splits hold together.
        scan_groups: tied by copies and images of one scan: what the policies act on.
        copy_groups: tied by copies alone.
        findings: what a person should look at, the gravest first.
        scores: how much of each trouble an image and its mask show, by case.
        flags: the troubles whose score reaches its threshold, by case.
        decisions: one per case, those of unusable ones last.
        policy: the rule that decided.
        settings: the thresholds.
        score: how the scan groups compare with a published list, where one was given.
        scene_score: how the groups of any relation do.
        notes: what is worth knowing and no problem.
    """

    cases: Mapping[str, Case]
    kept: Manifest
    pairs: tuple[Pair, ...]
    agreements: Mapping[tuple[str, str], float]
    groups: tuple[Group, ...]
    scan_groups: tuple[Group, ...]
    copy_groups: tuple[Group, ...]
    findings: tuple[Finding, ...]
    decisions: tuple[Decision, ...]
    policy: Policy
    settings: CurationSettings
    scores: Mapping[str, Scores] = field(default_factory=dict)
    flags: Mapping[str, tuple[Issue, ...]] = field(default_factory=dict)
    score: Score | None = None
    scene_score: Score | None = None
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Return the outcome in figures, as `summary.json` holds it."""
        relations = Counter(pair.relation for pair in self.pairs)
        kinds = Counter(finding.kind for finding in self.findings)
        verdicts = Counter(decision.verdict for decision in self.decisions)
        flagged = Counter(issue for issues in self.flags.values() for issue in issues)
        return {
            "policy": self.policy.value,
            "settings": self.settings.figures(),
            "cases": _class_counts(self.cases.values()),
            "kept": _class_counts(self.kept.cases),
            "decisions": {verdict.value: verdicts[verdict] for verdict in Verdict},
            "pairs": {relation.value: relations[relation] for relation in Relation},
            "groups": _group_figures(self.groups),
            "scan_groups": _group_figures(self.scan_groups),
            "copy_groups": _group_figures(self.copy_groups),
            "findings": {kind.value: kinds[kind] for kind in FindingKind},
            "issues": {issue.value: flagged[issue] for issue in Issue},
            "score": _score_figures(self.score) if self.score else None,
            "scene_score": _score_figures(self.scene_score) if self.scene_score else None,
        }


@dataclass(frozen=True, slots=True)
class Rules:
    """By what a run judges.

    Attributes:
        policy: what to do with images of one scan.
        settings: the thresholds.
        published: the list that the policy `published` follows.
        reference: a list to be scored against; it has no influence on what is found or decided.
        review: what a person answered; it goes before relations and policies.

    Raises:
        ConfigError: the policy `published` lacks its list, or another policy has one.
    """

    policy: Policy = Policy.DROP_ALL
    settings: CurationSettings = field(default_factory=CurationSettings)
    published: PublishedList | None = None
    reference: PublishedList | None = None
    review: Review = field(default_factory=Review)

    def __post_init__(self) -> None:
        if (self.policy is Policy.PUBLISHED) != (self.published is not None):
            raise ConfigError("The policy 'published' and a published list go together. Give both or neither.")

    @property
    def lists(self) -> tuple[PublishedList, ...]:
        """The lists that the cases must fit."""
        return tuple(one for one in (self.published, self.reference) if one)


DEFAULT_RULES = Rules()
"""Those of a run without wishes."""


def curate(
    data: Sequence[Path],
    index: Path,
    rules: Rules = DEFAULT_RULES,
    format: str | None = None,
    progress: Progress = silent,
) -> Curation:
    """Find the related images of one data set or several, and decide what stays.

    Args:
        data: folders, tables or manifests.
        index: the folder that keeps what was read of the images and which pairs were found, for the next run.
        rules: by what is judged.
        format: the layout of the data; None recognises it.
        progress: shows how far the work is.

    Raises:
        CurationError: the index is damaged, or of another version or other settings.
        ImageError: a mask can no longer be read.
        LayoutError: a layout is not recognised, or the data sets do not go together.
        ManifestError: no case is usable, a list does not fit the cases, or a manifest is wrong.
        OutputError: the index cannot be written.
    """
    # The lists first: one that does not fit is found before the images are read, and nothing is left behind.
    listed = [case for one in list_sets(data, format) for case in one.renamed()]
    for one in rules.lists:
        listed_cases(one, listed)
    matching = rules.settings.matching
    with Index.open(index, matching) as opened:
        intake = take_in(data, opened, format, progress)
        pairs = related(opened, intake.rows, matching, progress)
    concluded = conclude(intake.usable, pairs, rules, intake.problems, intake.scores, progress)
    return replace(concluded, notes=intake.notes)


def conclude(
    manifest: Manifest,
    pairs: Sequence[Pair],
    rules: Rules = DEFAULT_RULES,
    problems: Sequence[Finding] = (),
    scores: Mapping[str, Scores] | None = None,
    progress: Progress = silent,
) -> Curation:
    """Turn related pairs into groups, findings and a decision about every case.

    Args:
        manifest: the cases, with the sizes of their images.
        pairs: the related images, in the order of the cases.
        rules: by what is judged.
        problems: findings about files; cases that they rule out are not in the manifest.
        scores: how much of each trouble an image and its mask show, by case.
        progress: shows how far the work is.

    Raises:
        ImageError: a mask cannot be read.
        ManifestError: a list does not fit the cases.
    """
    settings = rules.settings
    cases = {case.case_id: case for case in manifest}
    pairs = obey_pairs(pairs, rules.review)
    groups = related_groups(list(cases), pairs)
    agreements = mask_agreements(pairs, cases, progress)
    measured = {case_id: (scores or {}).get(case_id, {}) for case_id in cases}
    flagged = {case_id: flags(of_case, settings.quality) for case_id, of_case in measured.items()}
    findings = [*problems, *_conflicts(cases, pairs, groups, agreements, settings.mask_agreement)]
    for against in rules.lists[:1]:
        listed, missing = listed_cases(against, manifest.cases)
        findings += [*missing, *disagreements(listed, manifest.cases, groups)]
    overlaid = {case_id for case_id, issues in flagged.items() if not OVERLAYS.isdisjoint(issues)}
    agreement = mean_agreements(pairs, agreements)
    evidence = Evidence(cases, groups, findings, overlaid, agreement, rules.review.verdict)
    decisions = _decisions(evidence, rules, problems)
    expected = listed_cases(rules.reference, manifest.cases)[0] if rules.reference else None
    return Curation(
        cases=cases,
        kept=_kept(manifest, decisions, () if rules.published else groups.scenes),
        pairs=pairs,
        agreements=agreements,
        groups=groups.scenes,
        scan_groups=groups.scans,
        copy_groups=groups.copies,
        findings=tuple(findings),
        decisions=tuple(decisions),
        policy=rules.policy,
        settings=settings,
        scores=measured,
        flags=flagged,
        score=None if expected is None else score(expected, manifest.cases, groups.scans),
        scene_score=None if expected is None else score(expected, manifest.cases, groups.scenes),
    )


def _decisions(evidence: Evidence, rules: Rules, problems: Sequence[Finding]) -> list[Decision]:
    """Return one decision for every case, those of unusable ones last."""
    if rules.published:
        listed, _ = listed_cases(rules.published, tuple(evidence.cases.values()))
        decisions = decide_by_list(evidence, listed)
    else:
        decisions = decide(evidence, rules.policy, rules.settings.conflicts)
    return decisions + [Decision(case_id, Verdict.DROP, UNUSABLE) for case_id in unusable_cases(problems)]


def _conflicts(
    cases: Mapping[str, Case],
    pairs: Sequence[Pair],
    groups: Groups,
    agreements: Mapping[tuple[str, str], float],
    least: float,
) -> list[Finding]:
    """Return what contradicts itself among related images, and what stands in two data sets."""
    group_of = membership(groups.scenes)
    return [
        *label_conflicts(groups.scans, cases, group_of),
        *normal_copies(pairs, cases, group_of),
        *mask_conflicts(pairs, agreements, cases, group_of, least),
        *across_sets(pairs, cases, group_of),
    ]


def _kept(manifest: Manifest, decisions: Sequence[Decision], groups: Sequence[Group]) -> Manifest:
    """Return the kept cases, each with the name under which it must stay together with others."""
    tied = ties(manifest.cases, groups)
    stays = {decision.case_id for decision in decisions if decision.verdict is Verdict.KEEP}
    return manifest.with_cases(
        replace(case, group=tied.get(case.case_id)) for case in manifest if case.case_id in stays
    )


def _class_counts(cases: Iterable[Case]) -> dict[str, int]:
    labels = Counter(case.label for case in cases)
    return {"all": sum(labels.values())} | {label.value: labels[label] for label in CLASSES}


def _group_figures(groups: Sequence[Group]) -> dict[str, Any]:
    sizes = Counter(len(group.members) for group in groups)
    return {
        "number": len(groups),
        "images": sum(size * number for size, number in sizes.items()),
        "by_size": {str(size): number for size, number in sorted(sizes.items())},
    }


def _score_figures(score: Score) -> dict[str, float]:
    return asdict(score) | {"precision": round(score.precision, 4), "recall": round(score.recall, 4)}
