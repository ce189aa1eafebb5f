"""The check that no fold has copies, or one patient, on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from echoduet.errors import LeakError
from echoduet.records import Case
from echoduet.splits.groups import bonds
from echoduet.splits.table import SIDES, Part, SplitTable


@dataclass(frozen=True, slots=True)
class Leak:
    """Two tied cases in different parts of one fold.

    `kind` is the tie: "group", "patient" or "equal files"; `value` names the group, patient or hash.
    """

    fold: int
    kind: str
    value: str
    case_a: str
    part_a: Part
    case_b: str
    part_b: Part

    def __str__(self) -> str:
        return (
            f'"{self.case_a}" ({self.part_a}) and "{self.case_b}" ({self.part_b}) of fold {self.fold} '
            f"share {self.kind} {self.value}"
        )


def find_leaks(table: SplitTable, cases: Sequence[Case]) -> list[Leak]:
    """Return one leak per fold, tie and pair of parts; an empty list when nothing leaks.

    Raises:
        SplitError: the table was made for other cases.
    """
    table.require_matches(cases)
    return [leak for fold in table.folds for leak in _leaks_of(fold, table, cases)]


def _leaks_of(fold: int, table: SplitTable, cases: Sequence[Case]) -> Iterator[Leak]:
    parts = table.parts(fold)
    seen: dict[tuple[str, tuple[str, ...]], dict[Part, str]] = {}
    for case in cases:
        part = parts[case.case_id]
        if part not in SIDES:
            continue
        for kind, value in bonds(case).items():
            others = seen.setdefault((kind, value), {})
            if part in others:
                continue
            for other_part, other in others.items():
                yield Leak(fold, kind, value[-1], other, other_part, case.case_id, part)
            others[part] = case.case_id


def require_no_leak(table: SplitTable, cases: Sequence[Case]) -> None:
    """Refuse a split with copies or one patient on both sides of a fold.

    Raises:
        LeakError: it leaks; the message names a pair, its fold and parts.
        SplitError: the table was made for other cases.
    """
    leaks = find_leaks(table, cases)
    if leaks:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise LeakError(
            f"The split leaks: {leaks[0]}{more}. Use `echoduet split --protocol clean`, or drop the copies with "
            f"`echoduet curate --policy drop-all` first."
        )
