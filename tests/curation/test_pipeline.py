from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Verdict
from echoduet.curation.pipeline import UNUSABLE, curate
from echoduet.curation.published import PublishedList, read_published_list
from echoduet.curation.relations import Relation
from echoduet.curation.settings import CurationSettings, Policy
from echoduet.data.manifest import Manifest, open_data
from echoduet.errors import ConfigError, ManifestError
from echoduet.records import Label


def kept(curation) -> list[str]:
    return [case.case_id for case in curation.kept]


def test_every_kind_of_copy_is_found(busy_manifest: Manifest) -> None:
    curation = curate(busy_manifest)
    assert [(pair.case_a, pair.case_b, pair.relation) for pair in curation.pairs] == [
        ("benign (1)", "benign (2)", Relation.SAME_SCAN),
        ("benign (3)", "malignant (1)", Relation.COPY),
        ("normal (1)", "normal (2)", Relation.SAME_SCAN),
    ]
    assert [(finding.kind, finding.cases) for finding in curation.findings] == [
        (FindingKind.LABEL_CONFLICT, ("benign (3)", "malignant (1)")),
        (FindingKind.MASK_CONFLICT, ("benign (1)", "benign (2)")),
    ]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy.DROP_ALL, ["benign (10)", "malignant (2)", "malignant (3)", "normal (3)"]),
        (Policy.KEEP_ONE, ["benign (10)", "malignant (2)", "malignant (3)", "normal (1)", "normal (3)"]),
    ],
)
def test_policies_leave_no_copies(busy_manifest: Manifest, policy: Policy, expected: list[str]) -> None:
    curation = curate(busy_manifest, policy)
    assert kept(curation) == expected
    assert curate(curation.kept).pairs == ()


def test_an_audit_changes_nothing_but_the_groups(busy_manifest: Manifest) -> None:
    curation = curate(busy_manifest, Policy.AUDIT)
    assert [replace(case, group=None) for case in curation.kept] == list(busy_manifest)
    groups = {case.case_id: case.group for case in curation.kept}
    assert groups["benign (1)"] == groups["benign (2)"] == "dup:benign (1)"
    assert groups["benign (3)"] == groups["malignant (1)"]
    assert Counter(groups.values())[None] == 4


def test_a_second_audit_finds_the_same(busy_manifest: Manifest) -> None:
    first = curate(busy_manifest, Policy.AUDIT)
    second = curate(first.kept, Policy.AUDIT)
    assert second.kept.cases == first.kept.cases
    assert second.findings == first.findings


def test_the_published_list_decides_and_is_argued_with(busy_manifest: Manifest) -> None:
    published = PublishedList(
        Path("list.csv"), ((Label.BENIGN, 1), (Label.BENIGN, 2), (Label.NORMAL, 3), (Label.NORMAL, 99))
    )
    curation = curate(busy_manifest, Policy.PUBLISHED, published=published)
    assert kept(curation) == ["benign (1)", "benign (2)", "normal (3)"]
    assert {case.group for case in curation.kept} == {None}
    kinds = Counter(finding.kind for finding in curation.findings)
    assert kinds[FindingKind.LISTED_COPIES] == 1
    assert kinds[FindingKind.UNLISTED_ORIGINAL] == 3
    assert kinds[FindingKind.LISTED_MISSING] == 1


def test_the_score_changes_nothing_else(busy_manifest: Manifest) -> None:
    reference = PublishedList(Path("list.csv"), ((Label.BENIGN, 1), (Label.BENIGN, 10), (Label.NORMAL, 3)))
    scored, plain = curate(busy_manifest, reference=reference), curate(busy_manifest)
    assert scored.decisions == plain.decisions
    assert scored.score is not None
    assert (scored.score.precision, scored.score.recall) == (5 / 6, 5 / 7)
    assert plain.summary()["score"] is None


def test_unusable_cases_are_dropped_and_said_so(busy_manifest: Manifest) -> None:
    problem = Finding(FindingKind.UNUSABLE, ("benign (77)",), "benign (77).png: is empty.")
    curation = curate(busy_manifest, Policy.AUDIT, problems=[problem])
    last = curation.decisions[-1]
    assert (last.case_id, last.verdict, last.reason) == ("benign (77)", Verdict.DROP, UNUSABLE)
    assert curation.findings[0] == problem
    assert len(curation.decisions) == 11


def test_the_summary_is_plain_and_adds_up(busy_manifest: Manifest) -> None:
    summary = json.loads(json.dumps(curate(busy_manifest).summary()))
    assert summary["cases"] == {"all": 10, "benign": 4, "malignant": 3, "normal": 3}
    assert summary["kept"] == {"all": 4, "benign": 1, "malignant": 2, "normal": 1}
    assert summary["pairs"] == {"copy": 1, "same-scan": 2, "same-scene": 0}
    assert summary["groups"] == {"number": 3, "images": 6, "by_size": {"2": 3}}
    assert summary["settings"]["near"] == CurationSettings().near


def test_thresholds_are_followed(busy_manifest: Manifest) -> None:
    strict = curate(busy_manifest, settings=CurationSettings(near=0.999, mask_agreement=0.0, mirrored=False))
    assert [pair.relation for pair in strict.pairs] == [Relation.COPY]
    assert [finding.kind for finding in strict.findings] == [FindingKind.LABEL_CONFLICT]


@pytest.mark.parametrize("policy", [Policy.PUBLISHED, Policy.DROP_ALL])
def test_a_list_and_its_policy_go_together(busy_manifest: Manifest, policy: Policy) -> None:
    published = None if policy is Policy.PUBLISHED else PublishedList(Path("list.csv"), ((Label.BENIGN, 1),))
    with pytest.raises(ConfigError, match="go together"):
        curate(busy_manifest, policy, published=published)


def test_no_case_is_refused() -> None:
    with pytest.raises(ManifestError, match="no case to curate"):
        curate(Manifest((), "nothing"))


@pytest.mark.busi
@pytest.mark.slow
def test_busi_against_the_published_list(busi_root: Path) -> None:
    reference = read_published_list(busi_root.parent / "mapping_curated_BUSI.csv")
    curation = curate(open_data(busi_root), reference=reference)
    # As docs/curation.md states them; a change of the detector must change the page too.
    assert curation.score is not None
    assert (curation.score.true_positives, curation.score.false_positives, curation.score.false_negatives) == (
        321,
        15,
        9,
    )
    conflicts = [finding.cases for finding in curation.findings if finding.kind is FindingKind.LABEL_CONFLICT]
    assert ("benign (433)", "malignant (145)") in conflicts
    assert len(conflicts) == 8
