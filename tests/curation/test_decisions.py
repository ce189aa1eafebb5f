from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from echoduet.curation.decisions import Decision, Verdict, decide, decide_by_list
from echoduet.curation.groups import Group
from echoduet.curation.settings import Policy
from echoduet.records import Case, Label

SIZES = {"a": 10, "b": 30, "c": 30, "d": 50, "e": 40, "f": 5}
CASES = [Case(name, Path(name), (), Label.BENIGN, width=side, height=side) for name, side in SIZES.items()]
CASES[4] = replace(CASES[4], label=Label.NORMAL)
GROUPS = [Group("dup:a", ("a", "b", "c")), Group("dup:d", ("d", "e"))]


def kept(decisions: list[Decision]) -> list[str]:
    return [decision.case_id for decision in decisions if decision.verdict is Verdict.KEEP]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy.DROP_ALL, ["f"]),
        (Policy.KEEP_ONE, ["b", "f"]),  # the first of the two largest; of d and e none, their classes differ
        (Policy.AUDIT, ["a", "b", "c", "d", "e", "f"]),
    ],
)
def test_what_each_policy_keeps(policy: Policy, expected: list[str]) -> None:
    decisions = decide(CASES, GROUPS, policy)
    assert kept(decisions) == expected
    assert [decision.case_id for decision in decisions] == list(SIZES)
    assert [decision.group for decision in decisions] == ["dup:a"] * 3 + ["dup:d"] * 2 + [""]


def test_reasons_say_why() -> None:
    reasons = {decision.case_id: decision.reason for decision in decide(CASES, GROUPS, Policy.KEEP_ONE)}
    assert reasons == {
        "a": "copy of b",
        "b": "the largest of 3 copies",
        "c": "copy of b",
        "d": "one of 2 copies that stand in different classes",
        "e": "one of 2 copies that stand in different classes",
        "f": "no copy found",
    }


def test_keep_one_keeps_at_most_one_of_each_group() -> None:
    chosen = set(kept(decide(CASES, GROUPS, Policy.KEEP_ONE)))
    assert all(len(chosen & set(group.members)) <= 1 for group in GROUPS)


def test_the_list_has_the_last_word() -> None:
    decisions = decide_by_list(CASES, {"a", "b"}, GROUPS)
    assert kept(decisions) == ["a", "b"]
    assert decisions[0] == Decision("a", Verdict.KEEP, "on the published list")
    assert decisions[2] == Decision("c", Verdict.DROP, "not on the published list", "dup:a")
    assert decisions[5] == Decision("f", Verdict.DROP, "not on the published list")
