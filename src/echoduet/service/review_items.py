"""What a person is asked: the pairs, conflicts and findings that a curation left, in the order of asking."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from echoduet.curation.answers import ItemKey, ItemKind
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.errors import ManifestError
from echoduet.service.review_tables import TableRow, table_rows

SHOWN_PAIRS = 20_000
"""Pairs that are asked about, the least sure first: more than anybody steps through, and little memory."""

SHOWN_MEMBERS = 24
"""Cases of one conflict that are shown; an answer concerns all of them."""

CONFLICT_KINDS = frozenset({"label-conflict", "mask-conflict", "normal-copies-lesion"})
"""Findings about cases that contradict one another: a person says which of them to keep."""

PAIR_KINDS = frozenset({"cross-set"})
"""Findings that say something more of a pair that is asked about anyway."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What curation measured on a pair: the pair, and the Dice of both masks once aligned, where that was measured."""

    pair: Pair
    mask_dice: float | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to answer.

    Attributes:
        kind, cases: what it is; together they name it in review.csv.
        about: the relation of a pair, the kinds of a conflict or finding, or the issues seen in an image.
        messages: the sentences of the findings.
        evidence: of a pair.
        scores: of an image, by issue.
    """

    kind: ItemKind
    cases: tuple[str, ...]
    about: tuple[str, ...]
    messages: tuple[str, ...] = ()
    evidence: Evidence | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> ItemKey:
        """What names the item, in whatever order its cases are given."""
        return self.kind, frozenset(self.cases)


@dataclass(frozen=True, slots=True)
class Agenda:
    """All items: conflicts, then pairs, the least sure first, then findings.

    Attributes:
        items: what is asked.
        unasked: number of pairs beyond `SHOWN_PAIRS`.
        aligned: what is known of two cases, by both ids in the pair's order; enough for what is shown.
    """

    items: tuple[Item, ...]
    unasked: int
    aligned: Mapping[tuple[str, str], Evidence]


def read_agenda(out: Path, known: Container[str], shown_pairs: int = SHOWN_PAIRS) -> Agenda:
    """Return what the curation in the folder `out` leaves to a person.

    Args:
        out: the folder that `echoduet curate` wrote.
        known: the cases that can be shown; items about others are left out.
        shown_pairs: most pairs that are asked about.

    Raises:
        ManifestError: a table is missing or damaged.
    """
    items = [item for item in _findings(out / "findings.csv") if all(case in known for case in item.cases)]
    across = {frozenset(item.cases) for item in items if item.kind is ItemKind.PAIR}
    conflicts = [item for item in items if item.kind is ItemKind.CONFLICT]
    images = [item for item in items if item.kind is ItemKind.FINDING]
    wanted = {frozenset(two) for item in conflicts for two in combinations(item.cases[:SHOWN_MEMBERS], 2)}
    pairs, total, aligned = _pairs(out / "pairs.csv", known, wanted, shown_pairs)
    aligned |= {(found.pair.case_a, found.pair.case_b): found for found in pairs}
    flagged = [item for item in _flagged(out / "issues.csv") if item.cases[0] in known]
    asked = (*conflicts, *(_pair_item(found, across) for found in pairs), *merged((*images, *flagged)))
    return Agenda(asked, total - len(pairs), aligned)


def merged(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return one item for all those of one kind about the same cases, in the order of the first of them."""
    found: dict[ItemKey, Item] = {}
    for item in items:
        first = found.get(item.key)
        found[item.key] = item if first is None else _joined(first, item)
    return tuple(found.values())


def _joined(first: Item, second: Item) -> Item:
    return replace(
        first,
        about=tuple(dict.fromkeys((*first.about, *second.about))),
        messages=tuple(dict.fromkeys((*first.messages, *second.messages))),
        scores={**first.scores, **second.scores},
    )


def _findings(path: Path) -> tuple[Item, ...]:
    return merged(
        Item(_kind_of(row.text("kind")), row.ids("cases"), (row.text("kind"),), (row.text("message"),))
        for row in table_rows(path, ("kind", "cases", "message"))
        if row.ids("cases")
    )


def _kind_of(finding: str) -> ItemKind:
    if finding in PAIR_KINDS:
        return ItemKind.PAIR
    return ItemKind.CONFLICT if finding in CONFLICT_KINDS else ItemKind.FINDING


def _flagged(path: Path) -> Iterator[Item]:
    for row in table_rows(path, ("case_id", "flags")):
        if flags := row.ids("flags"):
            scores = {flag: row.number(flag, 1.0) for flag in flags}
            yield Item(ItemKind.FINDING, (row.text("case_id"),), flags, scores=scores)


def _pairs(
    path: Path, known: Container[str], wanted: Container[frozenset[str]], shown: int
) -> tuple[list[Evidence], int, dict[tuple[str, str], Evidence]]:
    """Return the least sure pairs, the number of all, and what is known of the `wanted` ones."""
    total = 0
    aligned: dict[tuple[str, str], Evidence] = {}

    def usable() -> Iterator[Evidence]:
        nonlocal total
        for row in table_rows(path, ("case_a", "case_b", "relation", "mirrored", "rotation", "scale", "dx", "dy")):
            found = _evidence(row)
            ids = found.pair.case_a, found.pair.case_b
            if ids[0] in known and ids[1] in known:
                total += 1
                if frozenset(ids) in wanted:
                    aligned[ids] = found
                yield found

    return heapq.nsmallest(shown, usable(), key=lambda found: found.pair.confidence), total, aligned


def _evidence(row: TableRow) -> Evidence:
    try:
        relation = Relation(row.text("relation"))
    except ValueError:
        raise ManifestError(
            f"{row.where}: '{row.text('relation')}' is no relation. Run `echoduet curate` again."
        ) from None
    numbers = (row.number("rotation", 0), row.number("scale", 1), row.number("dx", 0), row.number("dy", 0))
    measures = (row.number(column, 1) for column in ("overlap", "similarity", "confidence"))
    transform = Transform(row.truth("mirrored"), *numbers)
    pair = Pair(row.text("case_a"), row.text("case_b"), relation, transform, *measures)
    return Evidence(pair, row.number("mask_dice", 0) if row.text("mask_dice") else None)


def _pair_item(found: Evidence, across: Container[frozenset[str]]) -> Item:
    cases = found.pair.case_a, found.pair.case_b
    crossing = ("cross-set",) if frozenset(cases) in across else ()
    return Item(ItemKind.PAIR, cases, (found.pair.relation.value, *crossing), evidence=found)
