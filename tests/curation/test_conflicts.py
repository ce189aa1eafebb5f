from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from echoduet.curation.conflicts import (
    NAMED,
    FindingKind,
    across_sets,
    label_conflicts,
    mask_conflicts,
    normal_copies,
)
from echoduet.curation.groups import Group
from echoduet.curation.relations import Pair, Relation
from echoduet.records import Case, Label

COPY, SCAN, SCENE = Relation
MASK = (Path("mask.png"),)


def case(name: str, label: Label = Label.BENIGN, masks: tuple[Path, ...] = MASK, source: str = "one") -> Case:
    return Case(name, Path(name), masks, label, source=source)


CASES = {
    one.case_id: one
    for one in (
        case("b1"),
        case("b2"),
        case("b3", masks=()),
        case("m1", Label.MALIGNANT, source="two"),
        case("n1", Label.NORMAL, ()),
        case("n2", Label.NORMAL),
    )
}


def test_a_scan_with_two_classes_is_a_conflict() -> None:
    same, mixed = Group("dup:b1", ("b1", "b2")), Group("dup:b3", ("b3", "m1"))
    (finding,) = label_conflicts([same, mixed], CASES, {"b3": "dup:a"})
    assert (finding.kind, finding.group, finding.cases) == (FindingKind.LABEL_CONFLICT, "dup:a", mixed.members)
    assert "b3 is benign, m1 is malignant" in finding.message
    assert label_conflicts([mixed], CASES)[0].group == "dup:b3"


def test_the_conflict_of_a_large_group_is_told_in_one_line() -> None:
    members = tuple(str(i) for i in range(10_000))
    cases = {name: case(name) for name in members} | {"9999": case("9999", Label.NORMAL)}
    (finding,) = label_conflicts([Group("dup:0", members)], cases)
    assert finding.message.endswith("9999 are benign (0 among them), 1 are normal (9999 among them).")
    assert finding.cases == members
    small = {name: cases["9999"] if name == "0" else cases[name] for name in members[:NAMED]}
    assert all(f"{name} is " in label_conflicts([Group("g", members[:NAMED])], small)[0].message for name in small)


@pytest.mark.parametrize(("relation", "expected"), [(COPY, 1), (SCAN, 1), (SCENE, 0)])
@pytest.mark.parametrize("both", [("m1", "n1"), ("n1", "m1")])
def test_a_normal_that_shows_the_scan_of_a_lesion(relation: Relation, expected: int, both: tuple[str, str]) -> None:
    findings = normal_copies([Pair(*both, relation, similarity=0.97)], CASES, {"n1": "dup:m1"})
    assert len(findings) == expected
    for finding in findings:
        assert finding.message == "n1 is normal, but shows the scan of m1, which is malignant."
        assert (finding.cases, finding.group, finding.value) == (both, "dup:m1", 0.97)


def test_two_normals_and_two_lesions_are_no_such_thing() -> None:
    assert normal_copies([Pair("n1", "n2", COPY), Pair("b1", "m1", COPY)], CASES, {}) == []


def test_only_disagreement_below_the_threshold_is_a_conflict() -> None:
    pairs = [Pair("b1", "b2", SCAN), Pair("b1", "m1", SCAN)]
    agreements = {("b1", "b2"): 0.7, ("b1", "m1"): 0.69}
    (finding,) = mask_conflicts(pairs, agreements, CASES, {"b1": "dup:b1"}, 0.7)
    told = (finding.kind, finding.cases, finding.group, finding.value)
    assert told == (FindingKind.MASK_CONFLICT, ("b1", "m1"), "dup:b1", 0.69)
    assert "Dice of 0.69" in finding.message


@pytest.mark.parametrize(
    "pair",
    [Pair("b1", "b2", SCENE), Pair("b1", "n2", SCAN), Pair("b1", "b3", SCAN)],
    ids=["another frame is outlined anew", "a normal beside a lesion", "a lesion without a mask"],
)
def test_what_is_no_conflict_of_masks(pair: Pair) -> None:
    assert mask_conflicts([pair], {(pair.case_a, pair.case_b): 0.0}, CASES, {}, 0.7) == []


def test_pairs_across_two_sets_are_told_whatever_their_relation() -> None:
    pairs = [Pair("b1", "b2", COPY), Pair("b1", "m1", SCENE, similarity=0.6)]
    (finding,) = across_sets(pairs, CASES, {"b1": "dup:b1"})
    assert (finding.kind, finding.cases, finding.value) == (FindingKind.CROSS_SET, ("b1", "m1"), 0.6)
    assert finding.message == "b1 of one and m1 of two are related: same-scene."
    assert across_sets(pairs, CASES | {"m1": replace(CASES["m1"], source="one")}, {}) == []
