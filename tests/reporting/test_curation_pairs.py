from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.pipeline import Curation, Rules, conclude
from echoduet.curation.relations import Pair, Relation
from echoduet.curation.settings import Policy
from echoduet.data.manifest import Manifest
from echoduet.reporting import curation_pairs
from echoduet.reporting.curation_pairs import Cards, conflicts_of_pairs, pair_chapters


@pytest.fixture
def cards(curation: Curation) -> Cards:
    return Cards(curation)


def test_a_card_says_what_is_known_of_a_pair(curation: Curation, cards: Cards) -> None:
    card = cards.of(curation.pairs[0])
    assert card.ids == ("benign (1)", "benign (2)")
    assert [decision.case_id for decision in card.decisions] == list(card.ids)
    assert card.dice == curation.agreements[card.ids]
    assert (card.low, card.group, card.chips) == (True, "dup:benign (1)", ("masks differ",))


def test_the_wider_image_stands_first_with_its_own_decision(curation: Curation, cards: Cards) -> None:
    turned = curation.pairs[0].reversed()
    swapped = replace(curation, pairs=(turned,), agreements={("benign (2)", "benign (1)"): 0.3})
    card = Cards(swapped).of(turned)
    assert card.ids == ("benign (1)", "benign (2)")
    assert [case.case_id for case in card.cases] == [decision.case_id for decision in card.decisions] == list(card.ids)
    assert card.dice == 0.3


def test_an_unrelated_pair_has_no_group_and_no_dice(curation: Curation, cards: Cards) -> None:
    card = cards.of(Pair("benign (1)", "benign (4)", Relation.SAME_SCENE), "benign (4)", "Nearest.", unrelated=True)
    assert (card.group, card.dice, card.title, card.note) == ("", None, "benign (4)", "Nearest.")


def test_each_pair_stands_in_one_chapter(curation: Curation, cards: Cards) -> None:
    chapters = {chapter.key: chapter for chapter in pair_chapters(curation, cards)}
    assert {key: [card.ids for card in chapter.cards] for key, chapter in chapters.items()} == {
        "conflicts": [("benign (3)", "normal (1)"), ("benign (1)", "benign (2)")],
        "copy": [("malignant (1)", "malignant (2)")],
        "same-scan": [],
        "same-scene": [("malignant (3)", "malignant (4)")],
    }
    assert chapters["same-scan"].empty == "Those with a conflict stand above: 2."


def test_the_least_alike_come_first_and_what_is_left_out_is_counted(related: Manifest, monkeypatch) -> None:
    names = [f"malignant ({i})" for i in range(1, 6)]
    pairs = [
        Pair(a, b, Relation.SAME_SCAN, similarity=0.9 - 0.1 * i) for i, (a, b) in enumerate(itertools.pairwise(names))
    ]
    quiet = replace(conclude(related, pairs, Rules(Policy.AUDIT)), findings=())
    monkeypatch.setitem(curation_pairs.SHOWN, Relation.SAME_SCAN, 2)
    chapter = {chapter.key: chapter for chapter in pair_chapters(quiet, Cards(quiet))}["same-scan"]
    assert [round(card.pair.similarity, 1) for card in chapter.cards] == [0.6, 0.7]
    assert chapter.total == 4


def test_the_worst_masks_come_first(related: Manifest) -> None:
    pairs = [Pair("malignant (1)", f"malignant ({i})", Relation.SAME_SCAN) for i in (2, 3, 4)]
    found = conclude(related, pairs, Rules(Policy.AUDIT))
    ids = [(pair.case_a, pair.case_b) for pair in pairs]
    findings = tuple(Finding(FindingKind.MASK_CONFLICT, two, "") for two in ids)
    apart = replace(found, findings=findings, agreements=dict(zip(ids, (0.6, 0.1, 0.4), strict=True)))
    conflicts = next(iter(pair_chapters(apart, Cards(apart))))
    assert [card.dice for card in conflicts.cards] == [0.1, 0.4, 0.6]


def test_a_conflict_of_classes_concerns_the_pairs_that_stand_in_two(related: Manifest) -> None:
    pairs = (
        Pair("benign (1)", "benign (4)", Relation.SAME_SCAN),
        Pair("benign (4)", "malignant (1)", Relation.SAME_SCAN),
        Pair("benign (1)", "malignant (1)", Relation.SAME_SCENE),
    )
    cases = {case.case_id: case for case in related}
    finding = Finding(FindingKind.LABEL_CONFLICT, ("benign (1)", "benign (4)", "malignant (1)"), "")
    assert conflicts_of_pairs(pairs, [finding], cases) == {
        ("benign (4)", "malignant (1)"): (FindingKind.LABEL_CONFLICT,)
    }


def test_two_groups_in_conflict_do_not_mix(related: Manifest) -> None:
    findings = [
        Finding(FindingKind.LABEL_CONFLICT, ("benign (1)", "malignant (1)"), ""),
        Finding(FindingKind.LABEL_CONFLICT, ("benign (2)", "malignant (2)"), ""),
    ]
    between = (Pair("benign (1)", "malignant (2)", Relation.SAME_SCAN),)
    assert conflicts_of_pairs(between, findings, {case.case_id: case for case in related}) == {}


def test_a_finding_counts_whichever_image_it_names_first(curation: Curation) -> None:
    turned = [replace(one, cases=tuple(reversed(one.cases))) for one in curation.findings]
    assert conflicts_of_pairs(curation.pairs, turned, curation.cases) == conflicts_of_pairs(
        curation.pairs, curation.findings, curation.cases
    )


def test_pairs_across_sets_are_a_chapter_where_there_are_several(curation: Curation) -> None:
    assert "across" not in [chapter.key for chapter in pair_chapters(curation, Cards(curation))]
    cases = {
        name: replace(case, source=name.partition(" ")[0] if name == "malignant (4)" else "set")
        for name, case in curation.cases.items()
    }
    two = replace(curation, cases=cases)
    chapter = {chapter.key: chapter for chapter in pair_chapters(two, Cards(two))}["across"]
    assert [card.ids for card in chapter.cards] == [("malignant (3)", "malignant (4)")]


def test_cards_without_room_are_taken_out_and_still_counted(curation: Curation, cards: Cards) -> None:
    chapter = next(iter(pair_chapters(curation, cards)))
    cut = chapter.without(frozenset({("benign (3)", "normal (1)")}))
    assert [card.ids for card in cut.cards] == [("benign (1)", "benign (2)")]
    assert cut.total == 2


def test_a_hundred_thousand_pairs_are_no_trouble(related: Manifest) -> None:
    pairs = tuple(
        Pair("malignant (1)", "malignant (3)", Relation.SAME_SCAN, similarity=(i % 97) / 97) for i in range(100_000)
    )
    quiet = replace(conclude(related, pairs[:1], Rules(Policy.AUDIT)), pairs=pairs, findings=())
    chapters = {chapter.key: chapter for chapter in pair_chapters(quiet, Cards(quiet))}
    assert chapters["same-scan"].total == 100_000
    assert len(chapters["same-scan"].cards) == curation_pairs.SHOWN[Relation.SAME_SCAN]
