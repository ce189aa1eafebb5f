"""The chapters of pairs in the curation report: conflicts first, then pairs across sets, then each relation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Decision
from echoduet.curation.groups import membership
from echoduet.curation.pipeline import Curation
from echoduet.curation.relations import Pair, Relation
from echoduet.records import Case
from echoduet.reporting.curation_pictures import wider_first

SHOWN = {"conflicts": 140, "across": 60, Relation.COPY: 30, Relation.SAME_SCAN: 120, Relation.SAME_SCENE: 60}
"""Pairs shown in a chapter, at most; `pairs.csv` has all of them."""

CHIPS = {
    FindingKind.NORMAL_COPIES_LESION: "a normal is a lesion's copy",
    FindingKind.LABEL_CONFLICT: "classes differ",
    FindingKind.MASK_CONFLICT: "masks differ",
}
"""The conflicts of pairs in a few words, the gravest first."""

TITLES = {
    Relation.COPY: ("Copies", "The same content, pixel for pixel or nearly so."),
    Relation.SAME_SCAN: (
        "Same scan",
        "One recording, shown twice: cropped, zoomed, shifted, mirrored, padded, with another gain, with calipers or "
        "text, compressed.",
    ),
    Relation.SAME_SCENE: (
        "Same scene",
        "Another frame of the same view: no copy, but it must not stand on the other side of a split.",
    ),
}


@dataclass(frozen=True, slots=True)
class PairCard:
    """One pair as the page shows it.

    Attributes:
        pair: the image that shows more of the scan is the first.
        cases: both, in that order.
        decisions: what became of them, in that order.
        dice: the agreement of their masks once aligned; None where there is nothing to compare.
        low: whether that is a conflict.
        group: the name of their group.
        chips: conflicts, in a few words.
        title: what the card is about, where it is not simply the pair.
        note: a sentence on what to make of it.
        unrelated: the pair is only what comes nearest: no relation was found.
    """

    pair: Pair
    cases: tuple[Case, Case]
    decisions: tuple[Decision, ...]
    dice: float | None
    low: bool = False
    group: str = ""
    chips: tuple[str, ...] = ()
    title: str = ""
    note: str = ""
    unrelated: bool = False

    @property
    def ids(self) -> tuple[str, str]:
        """Return both cases' ids, the wider image's first."""
        return self.pair.case_a, self.pair.case_b


@dataclass(frozen=True, slots=True)
class PairChapter:
    """Pairs with something in common.

    Attributes:
        key: a short name.
        title: the heading.
        note: what they have in common and how they are sorted.
        cards: those shown.
        total: how many there are.
        dispute: whether it is about a published list.
        images: how many images it is about; counted for disputes only.
        empty: what is said where there are none.
    """

    key: str
    title: str
    note: str
    cards: tuple[PairCard, ...]
    total: int
    dispute: bool = False
    images: int = 0
    empty: str = "None."

    def without(self, undrawn: frozenset[tuple[str, str]]) -> PairChapter:
        """Return the chapter without the cards that found no room on the page."""
        return replace(self, cards=tuple(card for card in self.cards if card.ids not in undrawn))


class Cards:
    """Makes the cards of one curation."""

    def __init__(self, curation: Curation) -> None:
        """Look up once what every card needs."""
        self._curation = curation
        self._decisions = {decision.case_id: decision for decision in curation.decisions}
        self._group = membership(curation.groups)
        self._conflicts = conflicts_of_pairs(curation.pairs, curation.findings, curation.cases)

    @property
    def conflicts(self) -> Mapping[tuple[str, str], tuple[FindingKind, ...]]:
        """The conflicts of every pair that has one, the gravest first."""
        return self._conflicts

    def of(self, pair: Pair, title: str = "", note: str = "", unrelated: bool = False) -> PairCard:
        """Return the card of a pair."""
        cases, ids = self._curation.cases, (pair.case_a, pair.case_b)
        found = self._conflicts.get(ids, ())
        ordered = wider_first(pair, {case_id: (cases[case_id].width, cases[case_id].height) for case_id in ids})
        both = (ordered.case_a, ordered.case_b)
        return PairCard(
            pair=ordered,
            cases=(cases[both[0]], cases[both[1]]),
            decisions=tuple(self._decisions[case_id] for case_id in both if case_id in self._decisions),
            dice=None if unrelated else self._curation.agreements.get(ids),
            low=FindingKind.MASK_CONFLICT in found,
            group="" if unrelated else self._group.get(pair.case_a, ""),
            chips=tuple(CHIPS[kind] for kind in found),
            title=title,
            note=note,
            unrelated=unrelated,
        )


def pair_chapters(curation: Curation, cards: Cards) -> Iterator[PairChapter]:
    """Yield the chapters of pairs; a pair with a conflict is shown among the conflicts only."""
    yield _conflict_chapter(curation, cards)
    if len({case.source for case in curation.cases.values()}) > 1:
        yield _across_chapter(curation, cards)
    for relation in TITLES:
        yield _relation_chapter(relation, curation, cards)


def conflicts_of_pairs(
    pairs: Iterable[Pair], findings: Sequence[Finding], cases: Mapping[str, Case]
) -> dict[tuple[str, str], tuple[FindingKind, ...]]:
    """Return the conflicts of every pair that has one, the gravest first.

    A finding about two cases is about their pair; one about the classes of a whole group concerns every pair in it
    that stands in two classes.
    """
    of_two = {(kind, *finding.cases) for finding in findings if (kind := finding.kind) in CHIPS}
    classes = [finding for finding in findings if finding.kind is FindingKind.LABEL_CONFLICT]
    contested = {case_id: i for i, finding in enumerate(classes) for case_id in finding.cases}
    found = {}
    for pair in pairs:
        a, b = pair.case_a, pair.case_b
        kinds = {kind for kind in CHIPS if (kind, a, b) in of_two or (kind, b, a) in of_two}
        together = a in contested and contested[a] == contested.get(b) and pair.relation is not Relation.SAME_SCENE
        if together and cases[a].label is not cases[b].label:
            kinds.add(FindingKind.LABEL_CONFLICT)
        if kinds:
            found[a, b] = tuple(kind for kind in CHIPS if kind in kinds)
    return found


def _conflict_chapter(curation: Curation, cards: Cards) -> PairChapter:
    gravity = list(CHIPS)

    def rank(pair: Pair) -> tuple[float, ...]:
        ids = (pair.case_a, pair.case_b)
        return (gravity.index(cards.conflicts[ids][0]), curation.agreements.get(ids, 1.0))

    pairs = [pair for pair in curation.pairs if (pair.case_a, pair.case_b) in cards.conflicts]
    chosen = tuple(cards.of(pair) for pair in nsmallest(SHOWN["conflicts"], pairs, key=rank))
    note = "One scan, several answers: nobody can learn from these. Classes first, then the worst agreement of masks."
    return PairChapter("conflicts", "Conflicts", note, chosen, len(pairs))


def _across_chapter(curation: Curation, cards: Cards) -> PairChapter:
    cases = curation.cases
    pairs = [pair for pair in curation.pairs if cases[pair.case_a].source != cases[pair.case_b].source]
    note = "An external test set that overlaps the training set is not external. The surest first."
    chosen = tuple(cards.of(pair) for pair in nsmallest(SHOWN["across"], pairs, key=lambda pair: -pair.confidence))
    return PairChapter("across", "Across sets", note, chosen, len(pairs))


def _relation_chapter(relation: Relation, curation: Curation, cards: Cards) -> PairChapter:
    title, note = TITLES[relation]
    pairs = [pair for pair in curation.pairs if pair.relation is relation]
    quiet = [pair for pair in pairs if (pair.case_a, pair.case_b) not in cards.conflicts]
    above = f"Those with a conflict stand above: {len(pairs) - len(quiet)}." if len(quiet) < len(pairs) else ""
    chosen = nsmallest(SHOWN[relation], quiet, key=lambda pair: (pair.similarity, pair.confidence))
    told = " ".join(filter(None, (note, "Least alike first.", above)))
    return PairChapter(relation.value, title, told, tuple(map(cards.of, chosen)), len(quiet), empty=above or "None.")
