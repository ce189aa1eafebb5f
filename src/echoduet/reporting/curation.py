"""The curation report: one self-contained page with what was found, each pair as three aligned pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from echoduet.curation.conflicts import FindingKind
from echoduet.curation.decisions import Verdict
from echoduet.curation.pipeline import Curation
from echoduet.curation.relations import Pair, Relation
from echoduet.data.manifest import in_threads
from echoduet.files import write_text
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, Case
from echoduet.reporting.curation_evidence import disagreements, evidence_chapters, unaccompanied
from echoduet.reporting.curation_findings import (
    ABOUT_ONE_CASE,
    LISTED,
    SHOWN_CASES,
    further_findings,
    lonely_conflicts,
    reasons,
    shelves,
)
from echoduet.reporting.curation_pairs import CHIPS, Cards, PairCard, PairChapter, pair_chapters
from echoduet.reporting.curation_pictures import Panels, panels, still, thumbnail
from echoduet.reporting.html import render

ROOM = 17_000_000
"""Characters that the pictures may take: a page of more opens slowly, and cannot be sent by mail."""

OWN_CHAPTER = (*CHIPS, *ABOUT_ONE_CASE, FindingKind.CROSS_SET, FindingKind.LISTED_COPIES, FindingKind.UNLISTED_ORIGINAL)
"""Kinds of findings that are shown as pictures; where no list was compared, there are none of the last two."""

Drawings = Mapping[tuple[str, str], Panels]
"""The panels of pairs, by the two ids."""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page shows as pictures.

    Attributes:
        chapters: as far as there is room.
        panels: the drawings of their pairs.
        thumbnails: single cases, by id and whether the lesion is outlined.
    """

    chapters: tuple[PairChapter, ...]
    panels: Drawings
    thumbnails: Mapping[tuple[str, bool], Markup]


def write_curation_report(
    curation: Curation,
    out: Path,
    title: str = "Curation",
    progress: Progress = silent,
    listed: Collection[str] | None = None,
    nearest: Mapping[str, Pair] | None = None,
) -> Path:
    """Write the page and return its path.

    Args:
        curation: what was found and decided.
        out: the HTML file.
        title: the page's heading.
        progress: shows how far the pictures are.
        listed: the cases that a published list keeps; where it disagrees, the page shows the evidence.
        nearest: for images that the list leaves out and nothing is related to, the pair with the nearest image.

    Raises:
        ImageError: an image can no longer be read.
        OutputError: the file cannot be written.
    """
    cards = Cards(curation)
    conflicts, *others = pair_chapters(curation, cards)
    found = [] if listed is None else disagreements(curation, listed, nearest)
    chapters = [conflicts, *evidence_chapters(found, cards, listed or ()), *others]
    lonely, examples, without = lonely_conflicts(curation), list(shelves(curation)), unaccompanied(found)
    singles = [
        *((case, True) for case in (*(case for _, case in lonely[:SHOWN_CASES]), *without[:SHOWN_CASES])),
        *((example.case, shelf.about_mask) for shelf in examples for example in shelf.examples),
    ]
    page = _drawn(chapters, singles, progress)
    text = render(
        "curation.html",
        title=title,
        classes=CLASSES,
        relations=tuple(Relation),
        verdicts=tuple(Verdict),
        curation=curation,
        summary=curation.summary(),
        page=page,
        groups=dict(zip(Relation, (curation.copy_groups, curation.scan_groups, curation.groups), strict=True)),
        lonely=lonely,
        without=without,
        shown_cases=SHOWN_CASES,
        shelves=examples,
        reasons=reasons(curation),
        loose=further_findings(curation, OWN_CHAPTER if listed is not None else OWN_CHAPTER[:-2]),
        listed_findings=LISTED,
        compared=listed is not None,
        several_sets=len({case.source for case in curation.cases.values()}) > 1,
    )
    write_text(out, text)
    return out


def _drawn(chapters: Sequence[PairChapter], singles: Iterable[tuple[Case, bool]], progress: Progress) -> Page:
    """Draw what the page shows; cards for which there is no room are left out, those at the end first."""
    alone = {(case.case_id, outlined): (case, outlined) for case, outlined in singles}
    small = in_threads(lambda one: thumbnail(*one), list(alone.values()), progress, "drawing examples")
    cards = {card.ids: card for chapter in chapters for card in chapter.cards}
    cases = list({case.case_id: case for card in cards.values() for case in card.cases}.values())
    stills = dict(
        zip((case.case_id for case in cases), in_threads(still, cases, progress, "reading images"), strict=True)
    )

    def draw(card: PairCard) -> Panels:
        return panels(stills[card.pair.case_a], stills[card.pair.case_b], card.pair.transform)

    drawn = dict(zip(cards, in_threads(draw, list(cards.values()), progress, "drawing pairs"), strict=True))
    room = ROOM - sum(map(len, small))
    return Page(
        tuple(within(chapters, drawn, room)),
        drawn,
        dict(zip(alone, small, strict=True)),
    )


def within(chapters: Iterable[PairChapter], drawn: Drawings, room: int) -> Iterable[PairChapter]:
    """Yield the chapters, each cut off where its pictures no longer fit into what room (characters) is left."""
    for chapter in chapters:
        cut = set()
        for card in chapter.cards:
            room -= drawn[card.ids].size
            if room < 0:
                cut.add(card.ids)
        yield chapter.without(frozenset(cut))
