from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoduet.curation.conflicts import Finding, FindingKind, label_conflicts
from echoduet.curation.decisions import (
    Decision,
    Evidence,
    Verdict,
    decide,
    decide_by_list,
    mean_agreements,
    nobody,
)
from echoduet.curation.groups import related_groups
from echoduet.curation.relations import Pair, Relation
from echoduet.curation.settings import ConflictRule, Policy
from echoduet.records import Case, Label

COPY, SCAN, SCENE = Relation
SIZES = {"a": 10, "b": 30, "c": 30, "d": 50, "e": 40, "f": 5, "g": 5}
CASES = [
    Case(name, Path(name), (Path(f"{name}_mask"),), Label.BENIGN, width=side, height=side)
    for name, side in SIZES.items()
]
CASES[4] = replace(CASES[4], label=Label.MALIGNANT)
PAIRS = [Pair("a", "b", SCAN), Pair("b", "c", COPY), Pair("d", "e", COPY), Pair("e", "f", SCENE)]


def evidence(
    cases: Sequence[Case] = CASES, pairs: Sequence[Pair] = PAIRS, findings: Sequence[Finding] = (), **more
) -> Evidence:
    by_id = {case.case_id: case for case in cases}
    groups = related_groups(list(by_id), pairs)
    return Evidence(by_id, groups, [*label_conflicts(groups.scans, by_id), *findings], **more)


def verdicts(decisions: list[Decision]) -> str:
    """One letter a case: k, d or r."""
    return "".join(decision.verdict.value[0] for decision in decisions)


def said(**answers: str) -> Callable:
    when = datetime(2026, 1, 31, tzinfo=UTC)
    return lambda case_id: (answers[case_id], "Ada", when) if case_id in answers else None


@pytest.mark.parametrize(
    ("policy", "rule", "expected"),
    [
        (Policy.DROP_ALL, ConflictRule.REVIEW, "dddddkk"),
        (Policy.KEEP_ONE, ConflictRule.REVIEW, "dkdrrkk"),  # b is the first of the two largest
        (Policy.KEEP_ONE, ConflictRule.DROP, "dkdddkk"),
        (Policy.KEEP_ONE, ConflictRule.KEEP, "dkdkdkk"),
        (Policy.KEEP_ALL_GROUPED, ConflictRule.REVIEW, "kkkrrkk"),
        (Policy.KEEP_ALL_GROUPED, ConflictRule.DROP, "kkkddkk"),
        (Policy.KEEP_ALL_GROUPED, ConflictRule.KEEP, "kkkkkkk"),
        (Policy.AUDIT, ConflictRule.REVIEW, "kkkkkkk"),
    ],
)
def test_what_each_policy_keeps(policy: Policy, rule: ConflictRule, expected: str) -> None:
    decisions = decide(evidence(), policy, rule)
    assert verdicts(decisions) == expected
    assert [decision.case_id for decision in decisions] == list(SIZES)
    assert [decision.group for decision in decisions] == ["dup:a"] * 3 + ["dup:d"] * 3 + [""]


def test_reasons_say_why() -> None:
    reasons = {decision.case_id: decision.reason for decision in decide(evidence(), Policy.KEEP_ONE)}
    assert reasons == {
        "a": "same scan as b",
        "b": "kept of 3 copies: largest, first",
        "c": "copy of b",
        "d": "one scan in different classes",
        "e": "one scan in different classes",
        "f": "no copy found",
        "g": "no copy found",
    }


@pytest.mark.parametrize(
    ("more", "kept", "why"),
    [
        ({"overlaid": {"b"}}, "c", "without graphics, largest"),
        ({"overlaid": {"b", "c"}}, "a", "without graphics"),
        ({"overlaid": {"a", "b", "c"}}, "b", "largest, first"),
        ({"agreement": {"b": 0.8, "c": 0.9}}, "c", "largest, best mask agreement"),
        ({"agreement": {"a": 1.0}}, "b", "largest, first"),
    ],
)
def test_the_representative_is_chosen_by_one_rule_after_the_other(more, kept: str, why: str) -> None:
    decisions = decide(evidence(**more), Policy.KEEP_ONE)
    (chosen,) = [one for one in decisions[:3] if one.verdict is Verdict.KEEP]
    assert (chosen.case_id, chosen.reason) == (kept, f"kept of 3 copies: {why}")


def test_a_mask_conflict_holds_back_the_scan_or_only_the_two() -> None:
    conflict = Finding(FindingKind.MASK_CONFLICT, ("a", "c"), "")
    assert verdicts(decide(evidence(findings=[conflict]), Policy.KEEP_ONE))[:3] == "rrr"
    assert verdicts(decide(evidence(findings=[conflict]), Policy.KEEP_ALL_GROUPED))[:3] == "rkr"
    assert verdicts(decide(evidence(findings=[conflict]), Policy.AUDIT))[:3] == "kkk"


LONE = Finding(FindingKind.LESION_WITHOUT_MASK, ("g",), "")
WITH_MASK = Finding(FindingKind.NORMAL_WITH_MASK, ("g",), "")


@pytest.mark.parametrize(
    ("finding", "policy", "rule", "expected"),
    [
        (LONE, Policy.KEEP_ONE, ConflictRule.REVIEW, "r"),
        (LONE, Policy.DROP_ALL, ConflictRule.REVIEW, "r"),
        (LONE, Policy.AUDIT, ConflictRule.REVIEW, "r"),  # nothing could be taught from it
        (LONE, Policy.KEEP_ONE, ConflictRule.KEEP, "r"),
        (LONE, Policy.KEEP_ONE, ConflictRule.DROP, "d"),
        (WITH_MASK, Policy.KEEP_ONE, ConflictRule.REVIEW, "r"),
        (WITH_MASK, Policy.AUDIT, ConflictRule.REVIEW, "k"),
        (WITH_MASK, Policy.KEEP_ONE, ConflictRule.KEEP, "k"),
        (WITH_MASK, Policy.KEEP_ONE, ConflictRule.DROP, "d"),
    ],
)
def test_a_case_against_its_own_mask(finding: Finding, policy: Policy, rule: ConflictRule, expected: str) -> None:
    assert verdicts(decide(evidence(findings=[finding]), policy, rule))[-1] == expected


def test_a_faulty_member_does_not_stand_for_its_scan() -> None:
    faults = [Finding(FindingKind.LESION_WITHOUT_MASK, (name,), "") for name in "bc"]
    decisions = decide(evidence(findings=faults), Policy.KEEP_ONE)
    assert verdicts(decisions)[:3] == "kdd"
    faults.append(Finding(FindingKind.LESION_WITHOUT_MASK, ("a",), ""))
    assert verdicts(decide(evidence(findings=faults), Policy.KEEP_ONE))[:3] == "rrr"


def test_a_person_goes_before_every_policy() -> None:
    for policy in (Policy.DROP_ALL, Policy.KEEP_ALL_GROUPED, Policy.AUDIT):
        decisions = decide(evidence(answer=said(a="keep", g="drop")), policy)
        assert (decisions[0].verdict, decisions[-1].verdict) == (Verdict.KEEP, Verdict.DROP)
        assert decisions[0].reason == "decided by Ada on 2026-01-31"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"a": "keep"}, "kdd"),  # what a person keeps stands for the scan
        ({"b": "drop"}, "ddk"),  # the next best does
        ({"a": "keep", "c": "keep"}, "kdk"),
        ({"a": "drop", "b": "drop", "c": "drop"}, "ddd"),
    ],
)
def test_keep_one_takes_what_a_person_left(answers: dict[str, str], expected: str) -> None:
    assert verdicts(decide(evidence(answer=said(**answers)), Policy.KEEP_ONE))[:3] == expected


@pytest.mark.parametrize(("answers", "expected"), [({"d": "keep", "e": "drop"}, "kd"), ({"d": "drop"}, "dr")])
def test_a_conflict_is_settled_once_all_its_cases_are(answers: dict[str, str], expected: str) -> None:
    for policy in (Policy.KEEP_ONE, Policy.KEEP_ALL_GROUPED):
        assert verdicts(decide(evidence(answer=said(**answers)), policy))[3:5] == expected


def test_the_rest_of_a_settled_scan_follows_the_policy() -> None:
    conflict = Finding(FindingKind.MASK_CONFLICT, ("a", "b"), "")
    settled = evidence(findings=[conflict], answer=said(a="keep", b="drop"))
    assert verdicts(decide(settled, Policy.KEEP_ONE))[:3] == "kdd"
    assert verdicts(decide(settled, Policy.KEEP_ALL_GROUPED))[:3] == "kdk"


def test_nobody_can_keep_a_lesion_without_a_mask() -> None:
    cases = [*CASES[:-1], replace(CASES[-1], masks=())]
    last = decide(evidence(cases, findings=[LONE], answer=said(g="keep")), Policy.KEEP_ONE)[-1]
    assert last.verdict is Verdict.REVIEW
    assert "has no mask" in last.reason


def test_the_list_has_the_last_word_but_for_a_person() -> None:
    decisions = decide_by_list(evidence(), {"a", "b"})
    assert verdicts(decisions) == "kkddddd"
    assert decisions[0] == Decision("a", Verdict.KEEP, "on the published list", "dup:a")
    assert decisions[6] == Decision("g", Verdict.DROP, "not on the published list")
    assert verdicts(decide_by_list(evidence(answer=said(a="drop", g="keep")), {"a", "b"})) == "dkddddk"


def test_agreement_is_the_mean_over_the_same_scan() -> None:
    agreements = {("a", "b"): 0.8, ("b", "c"): 0.6, ("d", "e"): 1.0, ("e", "f"): 0.1}
    assert mean_agreements(PAIRS, agreements) == {"a": 0.8, "b": pytest.approx(0.7), "c": 0.6, "d": 1.0, "e": 1.0}


links = st.lists(
    st.tuples(st.sampled_from(sorted(SIZES)), st.sampled_from(sorted(SIZES)), st.sampled_from(list(Relation)))
)


@settings(max_examples=60)
@given(links, st.sets(st.sampled_from(sorted(SIZES))), st.sampled_from(list(ConflictRule)))
def test_of_no_scan_more_than_one_is_kept_and_of_a_peaceful_one_exactly_one(found, overlaid, rule) -> None:
    known = evidence(pairs=[Pair(a, b, relation) for a, b, relation in found if a < b], overlaid=overlaid)
    kept = {one.case_id for one in decide(known, Policy.KEEP_ONE, rule) if one.verdict is Verdict.KEEP}
    for group in known.groups.scans:
        peaceful = len({known.cases[member].label for member in group.members}) == 1 or rule is ConflictRule.KEEP
        assert len(kept & set(group.members)) == peaceful
    alone = known.cases.keys() - {member for group in known.groups.scans for member in group.members}
    assert alone <= kept


def test_a_group_of_ten_thousand_is_decided_at_once() -> None:
    cases = [replace(CASES[0], case_id=str(i), width=i % 97) for i in range(20_000)]
    pairs = [Pair("0", str(i), SCAN) for i in range(1, 10_000)]
    pairs += [Pair(str(2 * i), str(2 * i + 1), COPY) for i in range(5_000, 10_000)]
    conflicts = [Finding(FindingKind.MASK_CONFLICT, ("0", str(i)), "") for i in range(1, 10_000)]
    for findings, policy in (([], Policy.KEEP_ONE), (conflicts, Policy.KEEP_ONE), (conflicts, Policy.KEEP_ALL_GROUPED)):
        known = evidence(cases, pairs, findings, answer=nobody)
        started = time.process_time()
        assert len(decide(known, policy)) == 20_000
        assert time.process_time() - started < 2
