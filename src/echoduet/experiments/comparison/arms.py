"""One system of a comparison: what it answered to every case, once per seed; and whether several of them pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from echoduet.errors import PairingError
from echoduet.evaluation.cases import CaseScore
from echoduet.statistics.intervals import group_numbers

NAMED = 5
"""How many cases a message names."""


@dataclass(frozen=True, slots=True)
class Arm:
    """The per-case scores of one system.

    Attributes:
        name: what the system is called in tables, as `MT+PR+DO`.
        rows: per seed, one row a case, in the same order for every seed; each row knows the fold that tested it.
    """

    name: str
    rows: Mapping[int, tuple[CaseScore, ...]]

    @property
    def cases(self) -> tuple[CaseScore, ...]:
        """The rows of the first seed: the cases with their labels, groups and folds."""
        return self.rows[min(self.rows)]


def paired(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Return the arms with their cases in one order, that of the first arm, or refuse them.

    Raises:
        PairingError: no arm, two of one name, or an arm that lacks a seed, fold or case, or knows another
            label, fold, group or reference of a case; names the arm and what differs.
    """
    names = Counter(arm.name for arm in arms)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise PairingError(f"Two systems are called {twice[0]}. Give each a name of its own with --names.")
    if not arms:
        raise PairingError("There is no system to compare.")
    for arm in arms:
        _require_rows(arm)
        _require_same("seed", "", arm, arm.rows, arms)
    for arm in arms:
        for seed in sorted(arm.rows):
            _require_same_cases(arm, seed, arms)
    return tuple(_in_order(arm, [case.case_id for case in arms[0].cases]) for arm in arms)


def _require_rows(arm: Arm) -> None:
    if not arm.rows or not all(arm.rows.values()):
        raise PairingError(f"{arm.name}: holds no scored case.")
    for seed, rows in arm.rows.items():
        case_id, count = Counter(row.case_id for row in rows).most_common(1)[0]
        if count > 1:
            raise PairingError(
                f"{arm.name}: case {case_id} is scored {count} times{_of_seed(arm, seed)}. Give the rows of one "
                "system under one seed."
            )


def _require_same(what: str, where: str, arm: Arm, held: Iterable[object], arms: Sequence[Arm]) -> None:
    """Refuse an arm that lacks, `where` it says, a seed, fold or case that any arm holds under any seed."""
    missing = sorted(set().union(*(_held(what, other) for other in arms)) - set(held), key=str)
    if missing:
        named = ", ".join(map(str, missing[:NAMED])) + (f" and {len(missing) - NAMED} more" if missing[NAMED:] else "")
        others = [other for other in arms if other is not arm]
        holder = next((other.name for other in others if missing[0] in _held(what, other)), "another of its seeds")
        instead = f", or compare {others[0].name} with a complete run" if others else ""
        raise PairingError(
            f"{arm.name}: lacks {what}{'s' if missing[1:] else ''} {named}{where}, which {holder} has. Run the missing "
            f"part{instead}."
        )


def _held(what: str, arm: Arm) -> set[object]:
    if what == "seed":
        return set(arm.rows)
    return {row.fold if what == "fold" else row.case_id for rows in arm.rows.values() for row in rows}


def _require_same_cases(arm: Arm, seed: int, arms: Sequence[Arm]) -> None:
    first, rows = arms[0].cases, arm.rows[seed]
    _require_same("fold", _of_seed(arm, seed), arm, {row.fold for row in rows}, arms)
    _require_same("case", _of_seed(arm, seed), arm, {row.case_id for row in rows}, arms)
    held = {row.case_id: row for row in rows}
    for case in first:
        _require_same_case(arms[0].name, case, arm.name, held[case.case_id])
    ordered = [held[case.case_id].group for case in first]
    differs = group_numbers([case.group for case in first]) != group_numbers(ordered)
    if differs.any():
        case = first[int(differs.argmax())]
        raise PairingError(
            f"{arm.name}: case {case.case_id} belongs to another group of copies than in {arms[0].name}. Score both on "
            "the same manifest."
        )


def _require_same_case(one: str, a: CaseScore, other: str, b: CaseScore) -> None:
    facts = {"label": (a.label, b.label), "fold": (a.fold, b.fold)}
    if (a.height, a.width) == (b.height, b.width) and None not in (a.reference_area, b.reference_area):
        facts["area of the reference mask"] = (a.reference_area, b.reference_area)
    for fact, (in_one, in_other) in facts.items():
        if in_one != in_other:
            raise PairingError(
                f"{other}: case {a.case_id} has {fact} {in_other}, but {in_one} in {one}. Score both on the same "
                "manifest and folds."
            )


def _in_order(arm: Arm, case_ids: Sequence[str]) -> Arm:
    rows = {}
    for seed in sorted(arm.rows):
        held = {row.case_id: row for row in arm.rows[seed]}
        rows[seed] = tuple(held[case_id] for case_id in case_ids)
    return Arm(arm.name, rows)


def _of_seed(arm: Arm, seed: int) -> str:
    return f" in seed {seed}" if len(arm.rows) > 1 else ""


def on_common_seeds(arms: Sequence[Arm]) -> tuple[tuple[Arm, ...], str | None]:
    """Return the arms with only the seeds that all of them hold, and the sentence that says so; None where all do.

    For a grid of experiments that is not finished: `paired` would refuse its arms.

    Raises:
        PairingError: there is no seed that all arms hold.
    """
    everything = {seed for arm in arms for seed in arm.rows}
    common = {seed for seed in everything if all(seed in arm.rows for arm in arms)}
    if common == everything:
        return tuple(arms), None
    if not common:
        raise PairingError("There is no seed for which every system is complete. Finish one, then compare.")
    kept = tuple(Arm(arm.name, {seed: rows for seed, rows in arm.rows.items() if seed in common}) for arm in arms)
    left_out = ", ".join(map(str, sorted(everything - common)))
    return kept, f"Only the seeds that every system has are compared; left out: {left_out}."


def grid_warning(arms: Sequence[Arm]) -> str | None:
    """Return what a reader must be told where masks were scored on different grids; None where they were not."""
    first = [(row.height, row.width) for row in arms[0].cases]
    others = [arm.name for arm in arms[1:] if [(row.height, row.width) for row in arm.cases] != first]
    if not others:
        return None
    return (
        f"Masks of {', '.join(others)} were scored on another grid than those of {arms[0].name}: a difference in Dice "
        "may come from the grid alone."
    )
