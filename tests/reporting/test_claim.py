from __future__ import annotations

import re

import pytest

from echoduet.reporting.claim import DATA_HOLDER, ITEMS, PUBLISHER, checklist

FACTS = {name: f"<{name}>" for item in ITEMS for name in re.findall(r"\$(\w+)", item.answer)}


def test_every_item_of_the_checklist_stands_once():
    assert [number for number, _, _ in checklist(FACTS)] == list(range(1, 45))
    assert all(matter and answer for _, matter, answer in checklist(FACTS))


def test_facts_are_filled_in_and_nothing_is_left_open():
    answers = {number: answer for number, _, answer in checklist(FACTS)}
    assert answers[9] == "Gray, <preprocess>."
    assert not any("$" in answer for answer in answers.values())


def test_what_a_run_cannot_know_is_left_to_people():
    answers = {number: answer for number, _, answer in checklist(FACTS)}
    for number in (11, 13, 14, 15, 16, 18, 36):
        assert answers[number] == DATA_HOLDER
    for number in (2, 4, 30, 44):
        assert answers[number] == PUBLISHER


def test_a_missing_fact_is_not_passed_over():
    with pytest.raises(KeyError, match="preprocess"):
        checklist({name: value for name, value in FACTS.items() if name != "preprocess"})
