"""What the review page is sent, as JSON."""

from __future__ import annotations

from pydantic import BaseModel

from echoduet.curation.answers import Answer
from echoduet.service.review_desk import Desk
from echoduet.service.review_items import SHOWN_MEMBERS, Evidence, Item
from echoduet.service.review_views import Side, View


class Count(BaseModel):
    """Answered, of how many."""

    answered: int
    total: int


class AnswerCell(BaseModel):
    """An answer that holds."""

    answer: str
    by: str
    when: str
    note: str


class ItemLine(BaseModel):
    """An item as the list shows it: its kind, what it is about, the first cases, and how many there are."""

    kind: str
    about: list[str]
    cases: list[str]
    size: int
    answer: str | None


class AgendaPage(BaseModel):
    """All items, and where to begin."""

    name: str
    by: str
    items: list[ItemLine]
    start: int
    unasked: int
    progress: Count
    counts: dict[str, Count]


class CaseCard(BaseModel):
    """What is known of one case."""

    case_id: str
    label: str
    size: str
    source: str
    decision: str
    reason: str
    group: str


class Measures(BaseModel):
    """What was measured on a pair."""

    relation: str
    confidence: float
    similarity: float
    overlap: float
    transform: str
    mask_dice: float | None


class ItemPage(BaseModel):
    """One item with everything that helps to answer it."""

    number: int
    kind: str
    about: list[str]
    messages: list[str]
    size: int
    cases: list[CaseCard]
    measures: Measures | None
    scores: dict[str, float]
    given: AnswerCell | None


class SidePage(BaseModel):
    """One picture of a view: its size, the path of its outline, or why it cannot be shown."""

    case_id: str
    width: int
    height: int
    outline: str
    problem: str


class ViewPage(BaseModel):
    """Two pictures, or one, and how they lie."""

    a: SidePage
    b: SidePage | None
    aligned: bool
    transform: str


class AnswerPage(BaseModel):
    """What came of an answer."""

    given: AnswerCell | None
    progress: Count
    counts: dict[str, Count]


def agenda_page(desk: Desk) -> AgendaPage:
    """Return the list of all items."""
    return AgendaPage(
        name=desk.out.resolve().name,
        by=desk.by,
        items=[_line(item, desk.given.get(number)) for number, item in enumerate(desk.agenda.items)],
        start=desk.start,
        unasked=desk.agenda.unasked,
        progress=_count(desk.progress),
        counts={kind: _count(progress) for kind, progress in desk.counts().items()},
    )


def item_page(desk: Desk, number: int) -> ItemPage:
    """Return one item.

    Raises:
        ManifestError: there is none of that number.
    """
    item = desk.item(number)
    return ItemPage(
        number=number,
        kind=item.kind.value,
        about=list(item.about),
        messages=list(item.messages),
        size=len(item.cases),
        cases=[_card(desk, case_id) for case_id in item.cases[:SHOWN_MEMBERS]],
        measures=_measures(item.evidence) if item.evidence else None,
        scores=dict(item.scores),
        given=_cell(desk.given.get(number)),
    )


def view_page(view: View) -> ViewPage:
    """Return how two pictures lie."""
    b = _side(view.b) if view.b else None
    return ViewPage(a=_side(view.a), b=b, aligned=view.aligned, transform=view.transform)


def answer_page(desk: Desk, number: int) -> AnswerPage:
    """Return how things stand after an answer to an item."""
    counts = {kind: _count(progress) for kind, progress in desk.counts().items()}
    return AnswerPage(given=_cell(desk.given.get(number)), progress=_count(desk.progress), counts=counts)


def _line(item: Item, given: Answer | None) -> ItemLine:
    return ItemLine(
        kind=item.kind.value,
        about=list(item.about),
        cases=list(item.cases[:2]),
        size=len(item.cases),
        answer=given.answer if given else None,
    )


def _card(desk: Desk, case_id: str) -> CaseCard:
    case, decided = desk.cases.case(case_id), desk.decided.get(case_id)
    return CaseCard(
        case_id=case_id,
        label=case.label.value,
        size=f"{case.width} x {case.height}" if case.width else "",
        source=case.source,
        decision=decided.decision if decided else "",
        reason=decided.reason if decided else "",
        group=decided.group if decided else "",
    )


def _measures(evidence: Evidence) -> Measures:
    pair = evidence.pair
    return Measures(
        relation=pair.relation.value,
        confidence=pair.confidence,
        similarity=pair.similarity,
        overlap=pair.overlap,
        transform=pair.transform.describe(),
        mask_dice=evidence.mask_dice,
    )


def _side(side: Side) -> SidePage:
    return SidePage.model_validate(side, from_attributes=True)


def _cell(given: Answer | None) -> AnswerCell | None:
    if given is None:
        return None
    return AnswerCell(answer=given.answer, by=given.by, when=given.when.isoformat(), note=given.note)


def _count(progress: object) -> Count:
    return Count.model_validate(progress, from_attributes=True)
