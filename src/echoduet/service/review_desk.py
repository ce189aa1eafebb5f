"""The review desk: what is asked, what was answered, and the file that keeps it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from echoduet.curation.answers import Answer, ItemKind, answer_now
from echoduet.curation.review import Review, append, read_review
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.errors import ManifestError
from echoduet.service.review_items import Agenda, Item, read_agenda
from echoduet.service.review_tables import table_rows
from echoduet.service.review_views import Views

REVIEW_FILE = "review.csv"
"""Where the answers lie inside the folder of a curation."""


ANSWERED_BEFORE = "not found any more"
"""What an item is about that is there only because it was answered."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What curation decided about a case, why, and the group in which it stands."""

    decision: str = ""
    reason: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items are answered, of how many; "unsure" is an answer too."""

    answered: int
    total: int


class Desk:
    """One curation under review by one person.

    Args:
        out: the folder that `echoduet curate` wrote; answers go to its review.csv.
        by: who answers.

    Raises:
        ManifestError: a table of the curation, or review.csv, is missing or damaged.
    """

    def __init__(self, out: Path, by: str) -> None:
        self.out, self.by, self.file = out, by, out / REVIEW_FILE
        self.cases, self.decided = _read_cases(out)
        self.agenda = read_agenda(out, {case.case_id for case in self.cases})
        self.views = Views(self.cases, self.agenda.aligned)
        review = read_review(self.file) if self.file.exists() else Review()
        self.agenda = _with_answered(self.agenda, review, self.cases)
        numbers = {item.key: number for number, item in enumerate(self.agenda.items)}
        # In the order of answering, so that the last entry is where the person stopped.
        self._given = {numbers[key]: given for key, given in review.by_item.items() if key in numbers}
        self._lock = threading.Lock()

    def item(self, number: int) -> Item:
        """Return an item by its number on the agenda.

        Raises:
            ManifestError: there is none.
        """
        if not 0 <= number < len(self.agenda.items):
            raise ManifestError(f"item {number}: is not among the {len(self.agenda.items)} of this review.")
        return self.agenda.items[number]

    @property
    def given(self) -> Mapping[int, Answer]:
        """The answers that hold, by number of the item."""
        return self._given

    @property
    def progress(self) -> Progress:
        """How far the review is."""
        return Progress(len(self._given), len(self.agenda.items))

    @property
    def start(self) -> int:
        """Number of the item to begin with: the first open one behind the last that was answered, else the first open.

        Where one stopped, therefore; 0 when all are answered.
        """
        last = next(reversed(self._given), -1)
        order = [*range(last + 1, len(self.agenda.items)), *range(last + 1)]
        return next((number for number in order if number not in self._given), 0)

    def answer(self, number: int, answer: str, note: str = "") -> Answer | None:
        """Keep the answer to an item, on the disk when this returns; None where it takes an earlier one back.

        Args:
            number: of the item.
            answer: one of `echoduet.curation.answers.ANSWERS`.
            note: why, in free words.

        Raises:
            ManifestError: there is no such item, the answer does not fit it, or review.csv is damaged.
            OutputError: review.csv cannot be written; the answer does not hold then.
        """
        item = self.item(number)
        given = answer_now(item.kind, item.cases, answer, self.by, note)
        with self._lock:
            append(self.file, given)
            self._given.pop(number, None)
            if given.holds:
                self._given[number] = given
        return self._given.get(number)

    def counts(self) -> dict[str, Progress]:
        """Return how far the review is by kind of item."""
        kinds = [item.kind for item in self.agenda.items]
        answered = [kinds[number] for number in self._given]
        return {kind.value: Progress(answered.count(kind), kinds.count(kind)) for kind in ItemKind}


def _with_answered(agenda: Agenda, review: Review, cases: Manifest) -> Agenda:
    """Add what was answered and is not found any more, so that such an answer can still be seen and taken back.

    A pair that a person called unrelated, for one, is no pair to the next run.
    """
    known = {case.case_id for case in cases}
    asked = {item.key for item in agenda.items}
    earlier = [
        Item(given.kind, given.cases, (ANSWERED_BEFORE,))
        for key, given in review.by_item.items()
        if key not in asked and known.issuperset(given.cases)
    ]
    return replace(agenda, items=(*agenda.items, *earlier))


def _read_cases(out: Path) -> tuple[Manifest, dict[str, Decided]]:
    next(table_rows(out / "cases.csv", ("case_id",)), None)  # tells what kind of folder is expected
    # Files that were moved since are told one by one, where they would be shown.
    cases = read_manifest(out / "cases.csv", require_files=False)
    decided = {
        row.text("case_id"): Decided(row.text("decision"), row.text("reason"), row.text("group"))
        for row in table_rows(out / "decisions.csv", ("case_id", "decision", "reason"))
    }
    return cases, decided
