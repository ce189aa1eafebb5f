"""What a person is asked, in which order."""

from __future__ import annotations

import tracemalloc

import pytest

from echoduet.curation.answers import ItemKind
from echoduet.curation.relations import IDENTITY
from echoduet.errors import ManifestError
from echoduet.service.review_items import Item, merged, read_agenda

KNOWN = {"benign (1)", "benign (2)", "benign (3)", "malignant (1)", "malignant (2)", "normal (1)"}


def test_conflicts_come_first_then_pairs_by_doubt_then_findings(curated):
    agenda = read_agenda(curated.path, KNOWN)
    assert [(item.kind.value, item.about) for item in agenda.items] == [
        ("conflict", ("label-conflict",)),
        ("conflict", ("mask-conflict",)),
        ("pair", ("same-scene", "cross-set")),
        ("pair", ("same-scan",)),
        ("pair", ("copy",)),
        ("finding", ("normal-with-mask", "calipers", "text")),
        ("finding", ("calipers",)),
    ]
    assert agenda.unasked == 0


def test_an_image_is_asked_about_once_with_all_its_findings(curated):
    image = read_agenda(curated.path, KNOWN).items[5]
    assert image.cases == ("normal (1)",)
    assert image.messages == ("normal (1) has a mask.",)
    assert image.scores == {"calipers": 0.91, "text": 0.8}


def test_a_pair_carries_its_evidence(curated):
    pair = read_agenda(curated.path, KNOWN).items[2].evidence
    assert (pair.pair.confidence, pair.pair.transform.dx, pair.mask_dice) == (0.61, 3.0, None)


def test_items_about_cases_that_cannot_be_shown_are_left_out(curated):
    agenda = read_agenda(curated.path, KNOWN - {"benign (1)"})
    assert all("benign (1)" not in item.cases for item in agenda.items)
    assert len(agenda.items) == 3


def test_the_same_conflict_is_asked_once():
    kind, cases = ItemKind.CONFLICT, ("a", "b")
    first, second = (
        Item(kind, cases, ("label-conflict",), ("One.",)),
        Item(kind, cases[::-1], ("mask-conflict",), ("Two.",)),
    )
    (both,) = merged([first, second, second])
    assert (both.cases, both.about, both.messages) == (cases, ("label-conflict", "mask-conflict"), ("One.", "Two."))


def test_only_the_least_sure_pairs_are_asked_about_and_the_others_counted(curated):
    agenda = read_agenda(curated.path, KNOWN, shown_pairs=1)
    pairs = [item.cases for item in agenda.items if item.kind is ItemKind.PAIR]
    assert pairs == [("benign (3)", "malignant (2)")]
    assert agenda.unasked == 2
    # What is needed to lay the cases of a conflict over each other is known all the same.
    assert ("benign (1)", "malignant (1)") in agenda.aligned


def test_many_pairs_cost_no_memory(curated):
    names = [f"c{n}" for n in range(600)]
    rows = [curated.pair(a, b, IDENTITY, confidence=0.5) for a in names[:50] for b in names[50:]]
    curated.write("pairs.csv", list(rows[0]), rows)
    del rows
    tracemalloc.start()
    agenda = read_agenda(curated.path, set(names), shown_pairs=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert agenda.unasked == 27_500 - 100
    assert peak < 3e6


def test_an_unknown_relation_is_told(curated):
    curated.write(
        "pairs.csv", list(curated.pair("a", "b", IDENTITY)), [curated.pair("a", "b", IDENTITY, relation="near")]
    )
    with pytest.raises(ManifestError, match=r"pairs\.csv, line 2: 'near' is no relation"):
        read_agenda(curated.path, KNOWN)
