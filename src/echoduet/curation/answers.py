"""The answers that a person can give to a pair, a conflict or a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from echoduet.curation.relations import Relation
from echoduet.errors import ManifestError

UNRELATED, UNSURE, WITHDRAWN = "unrelated", "unsure", "withdrawn"
KEEP, KEEP_ALL, DROP, DROP_ALL = "keep", "keep-all", "drop", "drop-all"
CONFIRMED, FALSE_ALARM = "confirmed", "false-alarm"


class ItemKind(StrEnum):
    """What a person is asked: how two cases are related, which cases of a conflict to keep, whether a finding holds."""

    PAIR = "pair"
    CONFLICT = "conflict"
    FINDING = "finding"


ANSWERS: dict[ItemKind, tuple[str, ...]] = {
    ItemKind.PAIR: (*(relation.value for relation in Relation), UNRELATED, UNSURE, WITHDRAWN),
    ItemKind.CONFLICT: (f"{KEEP} <ids>", KEEP_ALL, DROP_ALL, UNSURE, WITHDRAWN),
    ItemKind.FINDING: (CONFIRMED, FALSE_ALARM, DROP, KEEP, UNSURE, WITHDRAWN),
}
"""The answers to each kind of item; `<ids>` stands for cases of the conflict, as in "keep benign (1);benign (4)"."""

ItemKey = tuple[ItemKind, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a person.

    Attributes:
        kind, cases: the item; the order of the cases does not matter.
        answer: one of `ANSWERS`; for a conflict also "keep " and some of its cases, separated by semicolons.
        by: who answered.
        note: why, in free words.
        when: the moment, with its time zone.

    Raises:
        ManifestError: the answer does not fit the item.
    """

    kind: ItemKind
    cases: tuple[str, ...]
    answer: str
    by: str
    when: datetime
    note: str = ""

    def __post_init__(self) -> None:
        if fault := self._fault():
            raise ManifestError(f"{fault}.")

    @property
    def key(self) -> ItemKey:
        """What was answered: the kind and the cases, in whatever order they are named."""
        return self.kind, frozenset(self.cases)

    @property
    def holds(self) -> bool:
        """Whether this is an answer, and not the taking back of an earlier one."""
        return self.answer != WITHDRAWN

    @property
    def kept(self) -> tuple[str, ...]:
        """The cases that the answer keeps."""
        if self.answer in (KEEP, KEEP_ALL):
            return self.cases
        return tuple(self.answer.removeprefix(f"{KEEP} ").split(";")) if self.answer.startswith(f"{KEEP} ") else ()

    @property
    def dropped(self) -> tuple[str, ...]:
        """The cases that the answer drops."""
        if self.answer in (DROP, DROP_ALL) or self.answer.startswith(f"{KEEP} "):
            return tuple(case for case in self.cases if case not in self.kept)
        return ()

    def _fault(self) -> str | None:
        if not all(self.cases) or any(";" in case for case in self.cases):
            return "an item needs the ids of its cases, none empty and none with a semicolon"
        if self.kind is ItemKind.PAIR and len(set(self.cases)) != 2:
            return f"a pair has two different cases, not {len(set(self.cases))}"
        if not self.by:
            return "nobody is named as the one who answered"
        if self.when.tzinfo is None:
            return f"'{self.when.isoformat()}' has no time zone"
        return self._fault_of_answer()

    def _fault_of_answer(self) -> str | None:
        if self.kind is ItemKind.CONFLICT and self.answer.startswith(f"{KEEP} "):
            return None if set(self.kept) <= set(self.cases) else f"'{self.answer}' names a case outside the conflict"
        if self.answer not in ANSWERS[self.kind]:
            return f"'{self.answer}' is no answer to a {self.kind}; the answers are {', '.join(ANSWERS[self.kind])}"
        return None


def answer_now(kind: ItemKind, cases: Sequence[str], answer: str, by: str, note: str = "") -> Answer:
    """Return an answer given at this moment; line breaks in the texts become spaces.

    Raises:
        ManifestError: the answer does not fit the item.
    """
    by, note = (" ".join(text.split()) for text in (by, note))
    return Answer(kind, tuple(cases), answer, by, datetime.now(UTC).replace(microsecond=0), note)
