"""Curation from end to end: candidates, verification, pairs, groups, conflicts, findings, decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from echoduet.curation.conflicts import Finding, FindingKind, label_conflicts, mask_agreements, mask_conflicts
from echoduet.curation.decisions import Decision, Verdict, decide, decide_by_list
from echoduet.curation.duplicates import Pair, Relation, find_pairs
from echoduet.curation.groups import Group, duplicate_groups, ties
from echoduet.curation.hashing import fingerprints
from echoduet.curation.intake import unusable_cases
from echoduet.curation.published import PublishedList, Score, disagreements, listed_cases, score
from echoduet.curation.settings import CurationSettings, Policy
from echoduet.data.manifest import Manifest
from echoduet.errors import ConfigError, ManifestError
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, Case

UNUSABLE = "a file of the case cannot be used"
"""The reason of a drop that no policy decided."""


@dataclass(frozen=True, slots=True)
class Curation:
    """What curation found and decided.

    Attributes:
        cases: every usable case, by id.
        kept: the curated manifest; `group` ties the copies that it still holds.
        pairs: the copies found, each with the Dice of its two masks.
        groups: the groups that they form.
        findings: what a person should look at, the gravest first.
        decisions: one per case, those of unusable ones last.
        policy: the rule that decided.
        settings: the thresholds.
        score: the comparison with a published list, where one was asked for.
    """

    cases: Mapping[str, Case]
    kept: Manifest
    pairs: Mapping[Pair, float]
    groups: tuple[Group, ...]
    findings: tuple[Finding, ...]
    decisions: tuple[Decision, ...]
    policy: Policy
    settings: CurationSettings
    score: Score | None = None

    def summary(self) -> dict[str, Any]:
        """Return the outcome in figures, as `summary.json` holds it."""
        relations = Counter(pair.relation for pair in self.pairs)
        kinds = Counter(finding.kind for finding in self.findings)
        return {
            "policy": self.policy.value,
            "settings": asdict(self.settings),
            "cases": _class_counts(self.cases.values()),
            "kept": _class_counts(self.kept.cases),
            "pairs": {relation.value: relations[relation] for relation in Relation},
            "groups": {
                "number": len(self.groups),
                "images": sum(len(group.members) for group in self.groups),
                "by_size": {str(size): n for size, n in sorted(Counter(map(_size, self.groups)).items())},
            },
            "findings": {kind.value: kinds[kind] for kind in FindingKind},
            "score": _score_figures(self.score) if self.score else None,
        }


def curate(
    manifest: Manifest,
    policy: Policy = Policy.DROP_ALL,
    settings: CurationSettings | None = None,
    published: PublishedList | None = None,
    reference: PublishedList | None = None,
    problems: Sequence[Finding] = (),
    progress: Progress = silent,
) -> Curation:
    """Find the copies in a data set and decide what stays.

    Args:
        manifest: the cases; all of them must be readable.
        policy: what to do with groups of copies.
        settings: thresholds; the defaults when left out.
        published: the list that the policy `published` follows.
        reference: a list to be scored against; it has no influence on what is found or decided.
        problems: findings about files that were in the way; their cases were left out of the manifest.
        progress: shows how far the work is.

    Raises:
        ConfigError: the policy `published` lacks its list, or another policy has one.
        ImageError: an image or mask cannot be read.
        ManifestError: there is no case, or a list does not fit the cases.
    """
    if not manifest.cases:
        raise ManifestError(f"{manifest.source or 'the manifest'}: has no case to curate. Give a data set with images.")
    if (policy is Policy.PUBLISHED) != (published is not None):
        raise ConfigError("The policy 'published' and a published list go together. Give both or neither.")
    settings = settings or CurationSettings()
    # The lists first: one that does not fit is found before the images are read.
    listed, missing = listed_cases(published, manifest.cases) if published else (set(), [])
    expected = listed_cases(reference, manifest.cases)[0] if reference else None
    pairs = find_pairs(fingerprints(manifest.cases, settings.side, progress), settings, progress)
    groups = duplicate_groups([case.case_id for case in manifest], pairs)
    by_id = {case.case_id: case for case in manifest}
    agreements = mask_agreements(pairs, by_id, progress)
    findings = [*problems, *label_conflicts(groups, by_id)]
    findings += mask_conflicts(agreements, groups, settings.mask_agreement)
    if published:
        decisions = decide_by_list(manifest.cases, listed, groups)
        findings += [*missing, *disagreements(listed, manifest.cases, groups)]
    else:
        decisions = decide(manifest.cases, groups, policy)
    decisions += [Decision(case_id, Verdict.DROP, UNUSABLE) for case_id in unusable_cases(problems)]
    scored = None if expected is None else score(expected, manifest.cases, groups)
    kept = _kept(manifest, decisions, () if published else groups)
    return Curation(by_id, kept, agreements, groups, tuple(findings), tuple(decisions), policy, settings, scored)


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


def _size(group: Group) -> int:
    return len(group.members)


def _score_figures(score: Score) -> dict[str, float]:
    return asdict(score) | {"precision": round(score.precision, 4), "recall": round(score.recall, 4)}
