from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from echoduet.curation.pipeline import Curation, conclude
from echoduet.curation.relations import Pair, Relation
from echoduet.data.manifest import Manifest
from echoduet.reporting.curation import write_curation_report
from echoduet.reporting.curation_evidence import (
    Dispute,
    closest_pairs,
    disagreements,
    evidence_chapters,
    unaccompanied,
)
from echoduet.reporting.curation_pairs import Cards

SCANS = {"benign (1)", "benign (2)", "benign (3)", "normal (1)", "malignant (1)", "malignant (2)"}


def disputes(curation: Curation, listed: set[str]) -> dict[str, Dispute]:
    return {one.case.case_id: one.dispute for one in disagreements(curation, listed)}


def test_a_list_that_leaves_out_the_scans_disagrees_about_the_frames_only(curation: Curation) -> None:
    kept = set(curation.cases) - SCANS
    assert disputes(curation, kept) == {"malignant (3)": Dispute.NEIGHBOUR, "malignant (4)": Dispute.NEIGHBOUR}
    assert disputes(curation, kept - {"malignant (3)", "malignant (4)"}) == {
        "malignant (3)": Dispute.FRAMES,
        "malignant (4)": Dispute.FRAMES,
    }


def test_a_list_that_keeps_copies_is_told_whether_it_keeps_both(curation: Curation) -> None:
    kept = set(curation.cases) - SCANS - {"malignant (3)", "malignant (4)"} | {"benign (2)"}
    found = disputes(curation, kept | {"malignant (1)", "malignant (2)"})
    assert found["benign (2)"] is Dispute.HALF
    assert found["malignant (1)"] is found["malignant (2)"] is Dispute.BOTH
    assert "benign (1)" not in found


def test_an_image_without_a_relative_is_shown_with_the_nearest(curation: Curation) -> None:
    kept = set(curation.cases) - SCANS - {"benign (4)", "malignant (5)"}
    near = {"benign (4)": Pair("benign (4)", "benign (1)", Relation.SAME_SCENE, similarity=0.2)}
    found = [one for one in disagreements(curation, kept, near) if one.dispute is Dispute.ALONE]
    assert [(one.case.case_id, one.pair) for one in found] == [
        ("benign (4)", near["benign (4)"]),
        ("malignant (5)", None),
    ]
    assert [case.case_id for case in unaccompanied(found)] == ["malignant (5)"]
    (chapter,) = evidence_chapters(found, Cards(curation), kept)
    (card,) = chapter.cards
    assert (card.unrelated, card.note) == (True, "The list leaves out benign (4). The nearest image:")
    assert (chapter.total, chapter.images) == (1, 2)


@pytest.mark.parametrize("listed", ["none", "all"])
def test_every_disagreement_counts_as_one_image_of_the_score(curation: Curation, listed: str) -> None:
    kept = set(curation.cases) if listed == "all" else set()
    found = disputes(curation, kept).values()
    wrong = {
        "all": sum(one in (Dispute.HALF, Dispute.BOTH) for one in found),
        "none": sum(one in (Dispute.FRAMES, Dispute.ALONE) for one in found),
    }
    scans = sum(len(group.members) for group in curation.scan_groups)
    assert wrong[listed] == {"all": scans, "none": len(curation.cases) - scans}[listed]


def test_the_closest_relative_speaks(related: Manifest) -> None:
    pairs = (
        Pair("benign (1)", "benign (2)", Relation.SAME_SCENE, similarity=0.9),
        Pair("benign (1)", "benign (3)", Relation.SAME_SCAN, similarity=0.8),
        Pair("benign (1)", "benign (4)", Relation.SAME_SCAN, similarity=0.85),
    )
    closest = closest_pairs(pairs)
    assert (closest["benign (1)"], closest["benign (2)"]) == (pairs[2], pairs[0])
    assert disputes(conclude(related, pairs), set()) | {} == {
        "benign (2)": Dispute.FRAMES,
        **{case.case_id: Dispute.ALONE for case in related if not case.case_id.startswith("benign")},
    }


def test_one_pair_that_speaks_for_both_images_is_one_card(curation: Curation) -> None:
    kept = set(curation.cases)
    chapters = {c.key: c for c in evidence_chapters(disagreements(curation, kept), Cards(curation), kept)}
    both = chapters["list-both"]
    assert (len(both.cards), both.total, both.images) == (3, 3, 6)
    assert both.cards[0].title == "benign (1) and benign (2)"
    assert both.cards[0].note == "The list keeps benign (1) and benign (2)."


def test_the_page_shows_the_evidence(curation: Curation, tmp_path: Path) -> None:
    kept = set(curation.cases) - {"benign (1)", "benign (4)"}
    near = {"benign (4)": Pair("benign (4)", "malignant (5)", Relation.SAME_SCENE, similarity=0.2)}
    text = write_curation_report(curation, tmp_path / "r.html", listed=kept, nearest=near).read_text()
    chapter = re.search(r'<section id="list">(.*?)</section>', text, re.S)[1]
    assert "The list keeps benign (2) and leaves out benign (1)." in chapter
    assert "malignant (5) laid over benign (4)" in chapter
    assert '<span class="chip relation none">not related</span>' in chapter
    assert re.findall(r'<h3 id="list-(\w+)"', chapter) == ["half", "both", "alone", "neighbour"]
    alone = write_curation_report(replace(curation, pairs=()), tmp_path / "r.html", listed=kept).read_text()
    assert "and nothing comes near" in alone
