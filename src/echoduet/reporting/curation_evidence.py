"""Where a published list and the curation part ways, image by image, each with its evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from echoduet.curation.groups import membership
from echoduet.curation.pipeline import Curation
from echoduet.curation.relations import Pair, Relation
from echoduet.records import Case
from echoduet.reporting.curation_pairs import Cards, PairCard, PairChapter

SHOWN_DISAGREEMENTS = 120
"""Pictures shown of each kind of disagreement, at most."""

CLOSENESS = (Relation.COPY, Relation.SAME_SCAN, Relation.SAME_SCENE)


class Dispute(StrEnum):
    """How a list and the curation disagree about an image.

    `half`: the list keeps it and leaves out an image of the same recording. `both`: the list keeps it beside another
    image of the same recording. `frames`: the list leaves it out, and only other frames of its scene were found.
    `alone`: the list leaves it out, and nothing related was found. `neighbour`: the list keeps it, and another frame
    of its scene is in the data set; not counted against the list, which was made to find copies.
    """

    HALF = "half"
    BOTH = "both"
    FRAMES = "frames"
    ALONE = "alone"
    NEIGHBOUR = "neighbour"


HEADINGS = {
    Dispute.HALF: (
        "The list leaves out only one of two",
        "The list takes one image for a duplicate and keeps the other, which shows the same recording.",
    ),
    Dispute.BOTH: ("The list keeps both", "The list keeps two images of one recording."),
    Dispute.FRAMES: (
        "The list leaves out what we call another frame",
        "No copy of these images was found in the data set, only other frames of the same scene.",
    ),
    Dispute.ALONE: (
        "The list leaves out images of which we find no relative",
        "Beside each the image that comes nearest to it, which the evidence does not relate to it.",
    ),
    Dispute.NEIGHBOUR: (
        "Frames of one scene that the list keeps",
        "Not copies, so that a list of copies is not wrong about them, but they must not be parted by a split.",
    ),
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One image about which a list and the curation disagree, with the pair that speaks for it, where there is one."""

    dispute: Dispute
    case: Case
    pair: Pair | None


def disagreements(
    curation: Curation, listed: Collection[str], nearest: Mapping[str, Pair] | None = None
) -> list[Disagreement]:
    """Return every image about which a list of kept images and the curation disagree, in the order of the cases.

    An image is a duplicate for the list when the list does not keep it, and for the curation when it is a copy of
    another image or of the same scan.

    Args:
        curation: what was found.
        listed: the ids of the cases that the list keeps.
        nearest: for images without a relative, the pair with the image that comes nearest.
    """
    closest = closest_pairs(curation.pairs)
    grouped = membership(curation.scan_groups)
    found = (
        _disagreement(case, closest.get(case.case_id), case.case_id in grouped, listed, nearest or {})
        for case in curation.cases.values()
    )
    return [disagreement for disagreement in found if disagreement]


def closest_pairs(pairs: Sequence[Pair]) -> dict[str, Pair]:
    """Return for every related image the pair with its closest relative, by relation and then by likeness."""
    best: dict[str, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: (CLOSENESS.index(pair.relation), -pair.similarity)):
        best.setdefault(pair.case_a, pair)
        best.setdefault(pair.case_b, pair)
    return best


def evidence_chapters(found: Sequence[Disagreement], cards: Cards, listed: Collection[str]) -> Iterator[PairChapter]:
    """Yield a chapter for each kind of disagreement that occurs; a pair that speaks for both its images is one card."""
    for dispute, (title, note) in HEADINGS.items():
        kind = [one for one in found if one.dispute is dispute]
        pairs = dict.fromkeys(one.pair for one in kind if one.pair)
        chosen = tuple(
            _card(pair, [one for one in kind if one.pair == pair], cards, listed)
            for pair in list(pairs)[:SHOWN_DISAGREEMENTS]
        )
        if kind:
            yield PairChapter(f"list-{dispute}", title, note, chosen, len(pairs), True, len(kind))


def unaccompanied(found: Sequence[Disagreement]) -> list[Case]:
    """Return the images without any pair to show."""
    return [one.case for one in found if one.pair is None]


def _disagreement(
    case: Case, closest: Pair | None, grouped: bool, listed: Collection[str], nearest: Mapping[str, Pair]
) -> Disagreement | None:
    kept = case.case_id in listed
    if kept and grouped and closest:
        other = closest.case_b if closest.case_a == case.case_id else closest.case_a
        return Disagreement(Dispute.BOTH if other in listed else Dispute.HALF, case, closest)
    if kept:
        return Disagreement(Dispute.NEIGHBOUR, case, closest) if closest else None
    if grouped:
        return None
    if closest:
        return Disagreement(Dispute.FRAMES, case, closest)
    return Disagreement(Dispute.ALONE, case, nearest.get(case.case_id))


def _card(pair: Pair, about: Sequence[Disagreement], cards: Cards, listed: Collection[str]) -> PairCard:
    about_them = " and ".join(one.case.case_id for one in about)
    if about[0].dispute is Dispute.ALONE:
        return cards.of(pair, about_them, f"The list leaves out {about_them}. The nearest image:", unrelated=True)
    return cards.of(pair, about_them, _fates(pair, listed))


def _fates(pair: Pair, listed: Collection[str]) -> str:
    """Return in a sentence which of the two the list keeps."""
    kept = [case_id for case_id in (pair.case_a, pair.case_b) if case_id in listed]
    left = [case_id for case_id in (pair.case_a, pair.case_b) if case_id not in listed]
    parts = [f"{verb} {' and '.join(those)}" for verb, those in (("keeps", kept), ("leaves out", left)) if those]
    return f"The list {' and '.join(parts)}."
