"""More cases to learn from, where they have nothing to do with the cases that are scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from echoduet.records import Case
from echoduet.splits.groups import group_numbers
from echoduet.splits.table import Part, SplitRow, SplitTable


def with_extras(table: SplitTable, cases: Sequence[Case]) -> SplitTable:
    """Return a table of all of `cases`, those that `table` lacks being trained on where nothing speaks against it.

    Copies that curation dropped are such cases: in a fold whose val and test parts hold no relative of theirs they are
    further outlines of known scans; in the others they would be a leak, and stand in the part `unused`.

    Args:
        table: the folds, of the cases that are scored.
        cases: those cases and the further ones, with what ties them.

    Raises:
        SplitError: a case of the table is not among `cases`.
    """
    known = set(table.case_ids)
    table.require_matches([case for case in cases if case.case_id in known])
    members = group_numbers(cases)
    further = [(case.case_id, int(n)) for case, n in zip(cases, members, strict=True) if case.case_id not in known]
    number_of = {case.case_id: int(n) for case, n in zip(cases, members, strict=True)}
    rows = (row for fold in table.folds for row in _of_fold(table, fold, further, number_of))
    return SplitTable((*table.rows, *rows))


def _of_fold(
    table: SplitTable, fold: int, further: Sequence[tuple[str, int]], number_of: dict[str, int]
) -> Iterator[SplitRow]:
    held_out = {number_of[case_id] for part in (Part.VAL, Part.TEST) for case_id in table.ids(fold, part)}
    for case_id, number in further:
        yield SplitRow(case_id, fold, Part.UNUSED if number in held_out else Part.TRAIN)
