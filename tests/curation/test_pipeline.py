from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from echoduet.curation.answers import Answer, ItemKind
from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Verdict
from echoduet.curation.pipeline import UNUSABLE, Curation, Rules, conclude, curate
from echoduet.curation.published import PublishedList, read_published_list
from echoduet.curation.quality.issues import Issue
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.curation.review import Review
from echoduet.curation.settings import ConflictRule, CurationSettings, Policy, thresholds_of
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import Manifest, write_manifest
from echoduet.errors import ConfigError, LayoutError, ManifestError
from echoduet.records import Label

COPY, SCAN, SCENE = Relation
PAIRS = (
    Pair("benign (1)", "benign (2)", SCAN, Transform(dx=3), 0.96, 0.98, 0.99),
    Pair("benign (3)", "malignant (1)", COPY),
    Pair("benign (10)", "malignant (2)", SCENE, similarity=0.6),
    Pair("normal (1)", "normal (2)", SCAN, Transform(True, 0, 2, 158.5, 0.5)),
)


def kept(curation: Curation) -> list[str]:
    return [case.case_id for case in curation.kept]


def answered(kind: ItemKind, cases: tuple[str, ...], answer: str) -> Answer:
    return Answer(kind, cases, answer, "Ada", datetime(2026, 1, 31, tzinfo=UTC))


def test_pairs_become_groups_and_findings(busy_manifest: Manifest) -> None:
    curation = conclude(busy_manifest, PAIRS)
    assert [group.name for group in curation.groups] == [
        "dup:benign (1)",
        "dup:benign (3)",
        "dup:benign (10)",
        "dup:normal (1)",
    ]
    assert [len(groups) for groups in (curation.groups, curation.scan_groups, curation.copy_groups)] == [4, 3, 1]
    assert [(finding.kind, finding.cases) for finding in curation.findings] == [
        (FindingKind.LABEL_CONFLICT, ("benign (3)", "malignant (1)")),
        (FindingKind.MASK_CONFLICT, ("benign (1)", "benign (2)")),
    ]
    assert curation.agreements["benign (3)", "malignant (1)"] == 1
    assert curation.agreements.keys() == {(pair.case_a, pair.case_b) for pair in PAIRS}


SINGLES = ["benign (10)", "malignant (2)", "malignant (3)", "normal (3)"]


@pytest.mark.parametrize(
    ("policy", "rule", "also"),
    [
        (Policy.DROP_ALL, ConflictRule.REVIEW, []),
        (Policy.KEEP_ONE, ConflictRule.REVIEW, ["normal (1)"]),
        (Policy.KEEP_ONE, ConflictRule.KEEP, ["benign (1)", "benign (3)", "normal (1)"]),
        (Policy.KEEP_ALL_GROUPED, ConflictRule.REVIEW, ["normal (1)", "normal (2)"]),
    ],
)
def test_what_the_policies_keep(busy_manifest: Manifest, policy: Policy, rule: ConflictRule, also: list[str]) -> None:
    curation = conclude(busy_manifest, PAIRS, Rules(policy, CurationSettings(conflicts=rule)))
    assert sorted(kept(curation)) == sorted(SINGLES + also)


def test_frames_of_one_scene_stay_and_are_tied(busy_manifest: Manifest) -> None:
    groups = {case.case_id: case.group for case in conclude(busy_manifest, PAIRS).kept}
    assert groups["benign (10)"] == groups["malignant (2)"] == "dup:benign (10)"
    assert groups["malignant (3)"] is groups["normal (3)"] is None


def test_an_audit_changes_nothing_but_the_groups(busy_manifest: Manifest) -> None:
    curation = conclude(busy_manifest, PAIRS, Rules(Policy.AUDIT))
    assert [replace(case, group=None) for case in curation.kept] == list(busy_manifest)
    groups = {case.case_id: case.group for case in curation.kept}
    assert groups["benign (1)"] == groups["benign (2)"] == "dup:benign (1)"
    assert Counter(groups.values())[None] == 2
    again = conclude(curation.kept, PAIRS, Rules(Policy.AUDIT))
    assert again.kept.cases == curation.kept.cases
    assert again.findings == curation.findings


def test_a_person_settles_a_conflict(busy_manifest: Manifest) -> None:
    answers = Review(
        (
            answered(ItemKind.CONFLICT, ("benign (3)", "malignant (1)"), "keep malignant (1)"),
            answered(ItemKind.PAIR, ("benign (1)", "benign (2)"), "unrelated"),
        )
    )
    curation = conclude(busy_manifest, PAIRS, Rules(Policy.KEEP_ONE, review=answers))
    assert {"malignant (1)", "benign (1)", "benign (2)"} <= set(kept(curation))
    assert "benign (3)" not in kept(curation)
    assert not [one for one in curation.decisions if one.verdict is Verdict.REVIEW]
    assert ("benign (1)", "benign (2)") not in curation.agreements
    assert "decided by Ada on 2026-01-31" in {one.reason for one in curation.decisions}


def test_what_a_person_calls_another_frame_is_no_copy(busy_manifest: Manifest) -> None:
    review = Review((answered(ItemKind.PAIR, ("normal (2)", "normal (1)"), "same-scene"),))
    curation = conclude(busy_manifest, PAIRS, Rules(review=review))
    assert {"normal (1)", "normal (2)"} <= set(kept(curation))
    assert curation.pairs[-1].relation is SCENE


def test_the_published_list_decides_and_is_argued_with(busy_manifest: Manifest) -> None:
    published = PublishedList(
        Path("list.csv"), ((Label.BENIGN, 1), (Label.BENIGN, 2), (Label.NORMAL, 3), (Label.NORMAL, 99))
    )
    curation = conclude(busy_manifest, PAIRS, Rules(Policy.PUBLISHED, published=published))
    assert kept(curation) == ["benign (1)", "benign (2)", "normal (3)"]
    assert {case.group for case in curation.kept} == {None}
    kinds = Counter(finding.kind for finding in curation.findings)
    assert kinds[FindingKind.LISTED_COPIES] == 1
    assert kinds[FindingKind.UNLISTED_ORIGINAL] == 3
    assert kinds[FindingKind.LISTED_MISSING] == 1


def test_the_score_decides_nothing(busy_manifest: Manifest) -> None:
    reference = PublishedList(Path("list.csv"), ((Label.BENIGN, 1), (Label.BENIGN, 10), (Label.NORMAL, 3)))
    scored, plain = conclude(busy_manifest, PAIRS, Rules(reference=reference)), conclude(busy_manifest, PAIRS)
    assert scored.decisions == plain.decisions
    assert scored.score is not None
    assert (scored.score.precision, scored.score.recall) == (5 / 6, 5 / 7)
    assert scored.scene_score is not None
    assert (scored.scene_score.precision, scored.scene_score.recall) == (6 / 8, 6 / 7)
    assert plain.summary()["score"] is None
    assert {finding.kind for finding in scored.findings} > {FindingKind.LISTED_COPIES, FindingKind.UNLISTED_ORIGINAL}


def test_unusable_cases_are_dropped_and_others_are_not(busy_manifest: Manifest) -> None:
    problem = Finding(FindingKind.UNUSABLE, ("benign (77)",), "benign (77).png: is empty.")
    odd = Finding(FindingKind.NORMAL_WITH_MASK, ("normal (3)",), "normal (3).png: is normal, but has a mask.")
    curation = conclude(busy_manifest, PAIRS, Rules(Policy.KEEP_ONE), problems=[problem, odd])
    assert len(curation.decisions) == 11
    last, before = curation.decisions[-1], curation.decisions[-2]
    assert (last.case_id, last.verdict, last.reason) == ("benign (77)", Verdict.DROP, UNUSABLE)
    assert (before.case_id, before.verdict, before.reason) == ("normal (3)", Verdict.REVIEW, "a normal with a mask")
    assert curation.findings[:2] == (problem, odd)


def test_scores_are_flagged_and_graphics_decide_who_stays(busy_manifest: Manifest) -> None:
    scores = {"normal (1)": {Issue.CALIPERS: 0.9}, "normal (2)": {Issue.CALIPERS: 0.1}}
    curation = conclude(busy_manifest, PAIRS, Rules(Policy.KEEP_ONE), scores=scores)
    assert Issue.CALIPERS in curation.flags["normal (1)"]
    assert "normal (2)" in kept(curation)
    assert "normal (1)" not in kept(curation)
    tolerant = CurationSettings(quality=thresholds_of(["calipers=0.95"]))
    assert "normal (1)" in kept(conclude(busy_manifest, PAIRS, Rules(Policy.KEEP_ONE, tolerant), scores=scores))


def test_pairs_across_sets_are_findings(busy_manifest: Manifest) -> None:
    cases = [replace(case, source="two" if case.label is Label.MALIGNANT else "one") for case in busy_manifest]
    curation = conclude(busy_manifest.with_cases(cases), PAIRS)
    crossing = [finding.cases for finding in curation.findings if finding.kind is FindingKind.CROSS_SET]
    assert crossing == [("benign (3)", "malignant (1)"), ("benign (10)", "malignant (2)")]
    assert curation.summary()["findings"]["cross-set"] == 2


def test_the_summary_is_plain_and_adds_up(busy_manifest: Manifest) -> None:
    summary = json.loads(json.dumps(conclude(busy_manifest, PAIRS).summary()))
    assert summary["cases"] == {"all": 10, "benign": 4, "malignant": 3, "normal": 3}
    assert summary["kept"] == {"all": 4, "benign": 1, "malignant": 2, "normal": 1}
    assert summary["decisions"] == {"keep": 4, "drop": 6, "review": 0}
    assert summary["pairs"] == {"copy": 1, "same-scan": 2, "same-scene": 1}
    assert summary["scan_groups"] == {"number": 3, "images": 6, "by_size": {"2": 3}}
    assert summary["groups"] == {"number": 4, "images": 8, "by_size": {"2": 4}}
    assert summary["settings"] == CurationSettings().figures()


def test_the_mask_threshold_is_followed(busy_manifest: Manifest) -> None:
    blind = conclude(busy_manifest, PAIRS, Rules(settings=CurationSettings(mask_agreement=0.0)))
    assert [finding.kind for finding in blind.findings] == [FindingKind.LABEL_CONFLICT]


@pytest.mark.parametrize("policy", [Policy.PUBLISHED, Policy.DROP_ALL])
def test_a_list_and_its_policy_go_together(busy_manifest: Manifest, tmp_path: Path, policy: Policy) -> None:
    published = None if policy is Policy.PUBLISHED else PublishedList(Path("list.csv"), ((Label.BENIGN, 1),))
    with pytest.raises(ConfigError, match="go together"):
        conclude(busy_manifest, PAIRS, Rules(policy, published=published))
    with pytest.raises(ConfigError, match="go together"):
        curate([tmp_path], tmp_path / "index", Rules(policy, published=published))


def test_from_files_to_decisions_and_again_without_reading(busy_manifest: Manifest, tmp_path: Path) -> None:
    write_manifest(busy_manifest, tmp_path / "manifest.csv")
    told: list[str] = []

    def progress(items, *, label, total=None):
        told.extend(label for _ in range(total or 0))
        yield from items

    first = curate([tmp_path / "manifest.csv"], tmp_path / "index", progress=progress)
    assert [(pair.case_a, pair.case_b, pair.relation, pair.transform.mirrored) for pair in first.pairs] == [
        ("benign (1)", "benign (2)", SCAN, False),
        ("benign (3)", "malignant (1)", COPY, False),
        ("normal (1)", "normal (2)", SCAN, True),
    ]
    assert np.allclose(first.pairs[0].transform.matrix, [[1, 0, 3], [0, 1, 0]], atol=0.5)
    assert told.count("reading images") == 10
    again = curate([tmp_path / "manifest.csv"], tmp_path / "index", progress=progress)
    assert told.count("reading images") == 10
    assert again == first


def test_a_curated_set_has_no_copies_left(busy_manifest: Manifest, tmp_path: Path) -> None:
    write_manifest(busy_manifest, tmp_path / "manifest.csv")
    curation = curate([tmp_path / "manifest.csv"], tmp_path / "index", Rules(Policy.KEEP_ONE))
    write_manifest(curation.kept, tmp_path / "kept.csv")
    assert curate([tmp_path / "kept.csv"], tmp_path / "index").pairs == ()


def test_an_external_set_that_overlaps_is_told(busy_manifest: Manifest, tmp_path: Path) -> None:
    for name, labels in (("train", {Label.BENIGN, Label.NORMAL}), ("external", {Label.MALIGNANT})):
        part = busy_manifest.with_cases(case for case in busy_manifest if case.label in labels)
        (tmp_path / name).mkdir()
        write_manifest(part, tmp_path / name / "manifest.csv")
    sets = [tmp_path / "train" / "manifest.csv", tmp_path / "external" / "manifest.csv"]
    (crossing,) = [
        finding for finding in curate(sets, tmp_path / "index").findings if finding.kind is FindingKind.CROSS_SET
    ]
    assert crossing.cases == ("train/manifest/benign (3)", "external/manifest/malignant (1)")


def test_a_wrong_list_or_no_data_leaves_nothing_behind(busy_manifest: Manifest, tmp_path: Path) -> None:
    write_manifest(busy_manifest, tmp_path / "manifest.csv")
    wrong = PublishedList(Path("list.csv"), ((Label.BENIGN, 1000),))
    with pytest.raises(ManifestError, match="names none of the 10 cases"):
        curate([tmp_path / "manifest.csv"], tmp_path / "out" / "index", Rules(reference=wrong))
    with pytest.raises(LayoutError):
        curate([tmp_path / "nowhere"], tmp_path / "out" / "index")
    assert not (tmp_path / "out").exists()


def test_a_lesion_without_a_mask_waits_for_a_person(miniature_busi: Path, tmp_path: Path) -> None:
    for mask in (miniature_busi / "benign").glob("benign (2)_mask*.png"):
        mask.unlink()
    outlined = miniature_busi / "normal" / "normal (1)_mask.png"
    write_png(outlined, np.full_like(read_gray(outlined), 255))
    curation = curate([miniature_busi], tmp_path / "index", Rules(Policy.AUDIT))
    kinds = {finding.kind: finding.cases for finding in curation.findings}
    assert kinds[FindingKind.LESION_WITHOUT_MASK] == ("benign (2)",)
    assert kinds[FindingKind.NORMAL_WITH_MASK] == ("normal (1)",)
    assert "benign (2)" not in kept(curation)
    assert "normal (1)" in kept(curation)


@pytest.mark.busi
@pytest.mark.slow
def test_busi_against_the_published_list(busi_root: Path, tmp_path: Path) -> None:
    reference = read_published_list(busi_root.parent / "mapping_curated_BUSI.csv")
    curation = curate([busi_root], tmp_path / "index", Rules(reference=reference))
    # As docs/curation.md states them; a change of the engine must change the page too.
    figures = [
        (score.true_positives, score.false_positives, score.false_negatives)
        for score in (curation.score, curation.scene_score)
        if score
    ]
    assert figures == [(327, 2, 3), (330, 16, 0)]
    assert [sum(len(group.members) for group in found) for found in (curation.scan_groups, curation.groups)] == [
        329,
        346,
    ]
    conflicts = [finding.cases for finding in curation.findings if finding.kind is FindingKind.LABEL_CONFLICT]
    assert ("benign (433)", "malignant (145)") in conflicts
    assert len(conflicts) == 8
