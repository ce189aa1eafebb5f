"""What a person answered about pairs, conflicts and findings: `review.csv`, and how the next run obeys it.

One answer is one line, and only ever added: the last answer to an item is the one that holds, and a crash can at worst
tear the last line.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, NamedTuple

from echoduet.curation.answers import UNRELATED, UNSURE, Answer, ItemKey, ItemKind
from echoduet.curation.relations import Pair, Relation
from echoduet.errors import ManifestError, OutputError
from echoduet.files import write_bytes

COLUMNS = ("kind", "cases", "answer", "note", "by", "when")
"""The columns of review.csv; ids in `cases` are separated by semicolons."""

TORN_SUFFIX = ".torn"
"""What `repair` cuts off is kept in a file of the same name with this behind it."""

CELL_LIMIT = 2**31 - 1
"""Longest cell, in characters: the ids of a group of ten thousand are more than the csv module takes by itself."""

NO_ANSWER: Final = "no answer"
"""What `Review.relation` returns where nobody has said whether two cases are related."""


class PersonsVerdict(NamedTuple):
    """That a person keeps or drops a case, who, and when."""

    verdict: Literal["keep", "drop"]
    by: str
    when: datetime


@dataclass(frozen=True)
class Review:
    """The answers that hold: the last one to each item, in the order in which they were given."""

    answers: tuple[Answer, ...] = ()

    @cached_property
    def by_item(self) -> dict[ItemKey, Answer]:
        """The answer that holds for each item; withdrawn ones are left out."""
        last: dict[ItemKey, Answer] = {}
        for answer in self.answers:
            last.pop(answer.key, None)  # so that the order is that of the last answers
            last[answer.key] = answer
        return {key: answer for key, answer in last.items() if answer.holds}

    @cached_property
    def _verdicts(self) -> dict[str, PersonsVerdict]:
        verdicts: dict[str, PersonsVerdict] = {}
        for answer in self.by_item.values():
            verdicts |= {case: PersonsVerdict("drop", answer.by, answer.when) for case in answer.dropped}
            verdicts |= {case: PersonsVerdict("keep", answer.by, answer.when) for case in answer.kept}
        return verdicts

    def answer(self, kind: ItemKind, cases: Iterable[str]) -> Answer | None:
        """Return the answer to an item, or None."""
        return self.by_item.get((kind, frozenset(cases)))

    def relation(self, case_a: str, case_b: str) -> Relation | Literal["no answer"] | None:
        """Return how a person says two cases are related: None for not at all, `NO_ANSWER` where nobody could say."""
        given = self.answer(ItemKind.PAIR, (case_a, case_b))
        if given is None or given.answer == UNSURE:
            return NO_ANSWER
        return None if given.answer == UNRELATED else Relation(given.answer)

    def verdict(self, case_id: str) -> PersonsVerdict | None:
        """Return whether a person keeps or drops a case, by the last answer that says so; None where none does."""
        return self._verdicts.get(case_id)


def obey_pairs(pairs: Iterable[Pair], review: Review) -> tuple[Pair, ...]:
    """Return the pairs with the relation that a person gave them, without those that a person calls unrelated."""
    obeyed = []
    for pair in pairs:
        relation = review.relation(pair.case_a, pair.case_b)
        if relation == NO_ANSWER:
            obeyed.append(pair)
        elif relation is not None:
            obeyed.append(replace(pair, relation=Relation(relation)))
    return tuple(obeyed)


def read_review(path: Path) -> Review:
    """Read the answers; the file is not touched.

    Raises:
        ManifestError: the file is missing or damaged; the message names the line.
    """
    text = _text(path)
    whole, torn = _split_torn(text)
    if torn:
        line = whole.count("\n") + 1
        raise ManifestError(
            f"{path}, line {line}: the last line was cut short (a crash while it was written). "
            f"Run `echoduet review {path.parent} --repair`: it keeps the {max(line - 2, 0)} before it."
        )
    return Review(tuple(_answers(text, str(path))))


def append(path: Path, answer: Answer) -> None:
    """Add one answer as one line, on the disk when this returns; the file is made when it is missing.

    Raises:
        ManifestError: the last line was cut short, so that nothing can be added before it is repaired.
        OutputError: the file cannot be written; what it held is left as it was.
    """
    if not path.exists():
        write_bytes(path, _line(COLUMNS))
    text = _text(path)
    if text and not text.endswith("\n"):
        read_review(path)  # refuses a torn line; one that an editor left without its line break is whole
    start = b"" if text.endswith("\n") else b"\n"
    cells = (answer.kind.value, ";".join(answer.cases), answer.answer, answer.note, answer.by, _stamp(answer.when))
    try:
        _add(path, start + _line(cells))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}). Free space or mend its rights.") from error


def repair(path: Path) -> str:
    """Cut off a torn last line, keep it in a file beside, and return it; "" where no line is torn.

    Raises:
        ManifestError: the file is missing, no text, or damaged elsewhere too; then it is not touched.
        OutputError: it cannot be written.
    """
    whole, torn = _split_torn(_text(path))
    tuple(_answers(whole, str(path)))
    if torn:
        beside = path.with_name(path.name + TORN_SUFFIX)
        earlier = beside.read_bytes() if beside.exists() else b""
        write_bytes(beside, earlier + torn.encode(errors="surrogateescape") + b"\n")
        write_bytes(path, whole.encode())
    return torn


def _text(path: Path) -> str:
    try:
        # A line torn inside a letter of several bytes must still be readable up to there.
        return path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror}). Restore it, or begin anew.") from error


def _split_torn(text: str) -> tuple[str, str]:
    """Return the text up to its last whole line, and what remains where that is not a whole answer."""
    end = text.rfind("\n") + 1
    whole, last = text[:end], text[end:]
    if not whole or not last:
        return text, ""
    try:
        tuple(_answers(whole.partition("\n")[0] + "\n" + last, ""))
    except ManifestError:
        return whole, last
    return text, ""


def _answers(text: str, where: str) -> Iterable[Answer]:
    csv.field_size_limit(CELL_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if tuple(next(reader, [])) != COLUMNS:  # exactly, since `append` adds lines without looking
            raise ManifestError(f"the columns are not {','.join(COLUMNS)}")
        yield from (_answer(cells) for cells in reader if cells)
    except (csv.Error, ManifestError) as error:
        reason = str(error).rstrip(".")
        line = max(reader.line_num, 1)
        advice = f"Correct line {line}, or remove it; the file was not changed."
        raise ManifestError(f"{where}, line {line}: {reason}. {advice}") from error


def _answer(cells: Sequence[str]) -> Answer:
    if len(cells) != len(COLUMNS):
        raise ManifestError(f"has {len(cells)} cells under {len(COLUMNS)} columns")
    cell = dict(zip(COLUMNS, cells, strict=True))
    if any("\udc80" <= letter <= "\udcff" for text in cells for letter in text):
        raise ManifestError("holds bytes that are no UTF-8 text")
    if cell["kind"] not in set(ItemKind):
        raise ManifestError(f"'{cell['kind']}' is no kind of item; the kinds are {', '.join(ItemKind)}")
    try:
        when = datetime.fromisoformat(cell["when"])
    except ValueError:
        raise ManifestError(f"'{cell['when']}' is no time such as 2026-01-31T12:00:00Z") from None
    cases = tuple(cell["cases"].split(";"))
    return Answer(ItemKind(cell["kind"]), cases, cell["answer"], cell["by"], when, cell["note"])


def _stamp(when: datetime) -> str:
    # Not "+00:00", which cut short may still be a time: a line that ends in Z has lost nothing.
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(cells: Sequence[str]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue().encode()


def _add(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            written = stream.write(line)
            if written != len(line):
                raise OSError(28, "No space left on device")
            os.fsync(stream.fileno())
        except OSError:
            stream.truncate(size)  # half a line would bar the way to every later answer
            raise
