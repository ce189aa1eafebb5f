"""The curation report: one self-contained page with every group of copies, the contradictory ones first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Decision
from echoduet.curation.duplicates import Pair, Relation
from echoduet.curation.groups import Group
from echoduet.curation.pipeline import Curation
from echoduet.data.images import read_gray
from echoduet.data.manifest import in_threads
from echoduet.data.masks import read_mask
from echoduet.files import write_text
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, Case, Mask
from echoduet.reporting.gallery import GalleryItem
from echoduet.reporting.html import render
from echoduet.reporting.pictures import picture

SHOWN_IMAGES = 600
"""Pictures on the page; of about 20 kB each, they keep it below 15 MB. Further groups are only in groups.csv."""


@dataclass(frozen=True, slots=True)
class Member:
    """One copy as the page shows it; over it the outline of `partner`, the copy with which its mask disagrees most."""

    case: Case
    decision: Decision
    partner: Case | None
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One group of copies: its members, its pairs with the Dice of their masks, and the findings about it."""

    group: Group
    members: tuple[Member, ...]
    pairs: tuple[tuple[Pair, float], ...]
    findings: tuple[Finding, ...]

    def is_about(self, kind: str) -> bool:
        """Tell whether a finding of that kind concerns the group."""
        return any(finding.kind == kind for finding in self.findings)

    @property
    def doubt(self) -> float:
        """The lowest similarity among its pairs."""
        return min(pair.similarity for pair, _ in self.pairs)

    @property
    def least_agreement(self) -> float:
        """The lowest Dice of two masks among its pairs."""
        return min(dice for _, dice in self.pairs)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A member's picture, and whether the partner's outline is in it: an empty mask has none."""

    picture: Markup
    with_partner: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """Groups with something in common: the cards shown, and how many groups there are."""

    key: str
    title: str
    note: str
    cards: tuple[Card, ...]
    total: int


def write_curation_report(curation: Curation, out: Path, title: str = "Curation", progress: Progress = silent) -> Path:
    """Write the page and return its path.

    Args:
        curation: what was found and decided.
        out: the HTML file.
        title: the page's heading.
        progress: shows how far the pictures are.

    Raises:
        ImageError: an image or mask can no longer be read.
        OutputError: the file cannot be written.
    """
    chapters = list(_within_limit(_chapters(list(_cards(curation)))))
    members = [member for chapter in chapters for card in chapter.cards for member in card.members]
    drawn = in_threads(_draw, members, progress, "drawing pictures")
    text = render(
        "curation.html",
        title=title,
        classes=CLASSES,
        curation=curation,
        summary=curation.summary(),
        chapters=chapters,
        drawings={member.case.case_id: drawing for member, drawing in zip(members, drawn, strict=True)},
        loose_findings=[finding for finding in curation.findings if not finding.group],
    )
    write_text(out, text)
    return out


def _cards(curation: Curation) -> Iterator[Card]:
    decisions = {decision.case_id: decision for decision in curation.decisions}
    for group in curation.groups:
        pairs = tuple((pair, dice) for pair, dice in curation.pairs.items() if pair.case_a in group.members)
        findings = tuple(finding for finding in curation.findings if finding.group == group.name)
        members = (_member(curation, decisions[case_id], pairs) for case_id in group.members)
        yield Card(group, tuple(members), pairs, findings)


def _member(curation: Curation, decision: Decision, pairs: Sequence[tuple[Pair, float]]) -> Member:
    """Return the member with the copy whose mask contradicts its own most, where one does."""
    case_id = decision.case_id
    own = [(dice, pair) for pair, dice in pairs if case_id in (pair.case_a, pair.case_b)]
    dice, pair = min(own, key=lambda item: item[0])
    if dice >= curation.settings.mask_agreement:
        return Member(curation.cases[case_id], decision, None, False)
    partner = pair.case_b if pair.case_a == case_id else pair.case_a
    return Member(curation.cases[case_id], decision, curation.cases[partner], pair.relation is Relation.MIRRORED)


def _chapters(cards: Sequence[Card]) -> Iterator[Chapter]:
    classes = [card for card in cards if card.is_about(FindingKind.LABEL_CONFLICT)]
    masks = [card for card in cards if card.is_about(FindingKind.MASK_CONFLICT) and card not in classes]
    others = [card for card in cards if card not in classes and card not in masks]
    masks.sort(key=lambda card: card.least_agreement)
    others.sort(key=lambda card: card.doubt)
    yield _chapter("classes", "Conflicting classes", "One scan, several answers: nobody can learn from these.", classes)
    yield _chapter(
        "masks", "Conflicting masks", "One scan, outlined in different places. Worst agreement first.", masks
    )
    yield _chapter("copies", "Other copies", "Copies without contradiction. Least similar first.", others)


def _chapter(key: str, title: str, note: str, cards: Sequence[Card]) -> Chapter:
    return Chapter(key, title, note, tuple(cards), len(cards))


def _within_limit(chapters: Iterable[Chapter]) -> Iterator[Chapter]:
    """Cut the chapters off where the page would hold too many pictures."""
    left = SHOWN_IMAGES
    for chapter in chapters:
        cards = []
        for card in chapter.cards:
            left -= len(card.members)
            if left >= 0:
                cards.append(card)
        yield Chapter(chapter.key, chapter.title, chapter.note, tuple(cards), chapter.total)


def _draw(member: Member) -> Drawing:
    image = read_gray(member.case.image)
    theirs = None
    if member.partner is not None and member.partner.masks:
        theirs = _fitted(read_mask(member.partner.masks, None), image.shape, member.mirrored)
    ours = read_mask(member.case.masks, image.shape) if member.case.masks else None
    drawn = picture(GalleryItem(member.case.case_id, image, ours, theirs, member.case.label))
    return Drawing(drawn, theirs is not None and bool(theirs.any()))


def _fitted(mask: Mask, shape: tuple[int, ...], mirrored: bool) -> Mask:
    """Bring a copy's mask to this image's shape, flipped left to right for a mirrored copy."""
    resized = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.NEAREST)
    fitted: Mask = np.asarray(resized, dtype=np.bool_)
    return fitted[:, ::-1] if mirrored else fitted
