"""Which lesions no training outlines, and what they cost the mean lesion Dice.

A lesion counts as outlined where the raw mask reaches a Dice of 0.5. One that every training misses, whatever its
seed and whether it learnt the class too, is no accident of a training: the image, its reference mask or the kind of
network is the reason.

python benchmarks/misses.py results/duet MT "ST(Seg)" --others results/baselines
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from echoduet.errors import OutputError
from echoduet.evaluation.cases import CaseScore
from echoduet.experiments.comparison.arms import Arm
from echoduet.experiments.grid.reported import read_arms, read_grid
from echoduet.statistics.intervals import FloatArray, group_weights, percentile_interval, weighted_mean

OUTLINED = 0.5
"""The raw Dice from which on a lesion counts as outlined."""


def page(out: Path, names: Sequence[str], others: Path | None = None) -> str:
    """Return as Markdown how many lesions all, some or none of the trainings outline, and those that none does.

    Args:
        out: the folder of a grid, or a copy of its rows.
        names: reported rows of the grid, each once, with raw masks and no ensemble; each seed of each is a training.
        others: another grid on some of the same folds, whose networks (of their first seed) are asked about the
            lesions that none outlines.

    Raises:
        OutputError: there are no such rows.
    """
    arms = {arm.name: arm for arm in read_arms(out)}
    _require_trainings(out, names, arms)
    trainings = [_dice(rows) for name in names for rows in arms[name].rows.values()]
    first = arms[names[0]]
    lesions = [case for case in first.cases if case.case_id in trainings[0]]
    found = {case.case_id: sum(dice[case.case_id] >= OUTLINED for dice in trainings) for case in lesions}
    never = [case for case in lesions if not found[case.case_id]]
    parts = [_table(lesions, found, trainings), _cost(lesions, found, trainings), _named(never)]
    if others is not None:
        parts.append(_asked(never, read_arms(others)))
    return "\n\n".join(parts)


def _require_trainings(out: Path, names: Sequence[str], arms: Mapping[str, Arm]) -> None:
    """Refuse rows that are not there, or whose seeds are no trainings of their own with raw masks."""
    rows = read_grid(out).rows
    for name in names:
        if name not in arms:
            raise OutputError(f"{out}: has no whole row {name}. There is {', '.join(arms)}.")
        if rows[name].refined or rows[name].ensemble:
            raise OutputError(f"{out}: the row {name} is refined or an ensemble. Name the row of single raw networks.")
        if names.count(name) > 1:
            raise OutputError(f"The row {name} is named twice. Name it once.")
        if not any(_dice(scores) for scores in arms[name].rows.values()):
            raise OutputError(f"{out}: the row {name} has no masks. Name one that has.")


def _dice(rows: Sequence[CaseScore]) -> dict[str, float]:
    """Return the raw Dice of each image with a lesion."""
    return {row.case_id: row.dice for row in rows if row.has_lesion and row.dice is not None}


def _table(lesions: Sequence[CaseScore], found: Mapping[str, int], trainings: Sequence[Mapping[str, float]]) -> str:
    """Return how many lesions are outlined by how many trainings, and their mean Dice over all trainings."""
    total = len(trainings)
    kinds = {f"all {total}": {total}, "some": set(range(1, total)), "none": {0}}
    lines = ["| outlined by | lesions | share | lesion Dice |", "|---|---|---|---|"]
    for kind, counts in kinds.items():
        ids = [case.case_id for case in lesions if found[case.case_id] in counts]
        mean = f"{fmean(dice[name] for dice in trainings for name in ids):.3f}" if ids else ""
        lines.append(f"| {kind} | {len(ids)} | {len(ids) / len(lesions):.3f} | {mean} |")
    return "\n".join(lines)


def _cost(lesions: Sequence[CaseScore], found: Mapping[str, int], trainings: Sequence[Mapping[str, float]]) -> str:
    """Return the mean lesion Dice with and without the lesions that none outlines, with intervals over groups."""
    values = np.array([fmean(dice[case.case_id] for dice in trainings) for case in lesions])
    kept = np.array([found[case.case_id] > 0 for case in lesions], dtype=np.float64)
    weights = group_weights([case.group for case in lesions])
    once = np.ones((1, len(lesions)))
    figures = (
        ("Lesion Dice of all", weighted_mean(values)(once), weighted_mean(values)(weights)),
        (
            "of those that a training outlines",
            weighted_mean(values)(once * kept),
            weighted_mean(values)(weights * kept),
        ),
        ("share that none outlines", weighted_mean(1 - kept)(once), weighted_mean(1 - kept)(weights)),
    )
    return "; ".join(_figure(name, float(point[0]), replicates) for name, point, replicates in figures) + "."


def _figure(name: str, point: float, replicates: FloatArray) -> str:
    interval = percentile_interval(replicates)
    return f"{name} {point:.3f}" + ("" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})")


def _named(never: Sequence[CaseScore]) -> str:
    return f"Outlined by none: {', '.join(case.case_id for case in never) or 'no image'}."


def _asked(never: Sequence[CaseScore], arms: Sequence[Arm]) -> str:
    """Return how many of the lesions that none outlines, among those it was tested on, each other network does."""
    lines = ["| network | of these tested | outlined |", "|---|---|---|"]
    for arm in arms:
        dice = _dice(arm.cases)
        asked = [dice[case.case_id] for case in never if case.case_id in dice]
        if asked:
            lines.append(f"| {arm.name} | {len(asked)} | {sum(value >= OUTLINED for value in asked)} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder of a grid")
    parser.add_argument("names", nargs="+", help="rows of its table, each with a mask")
    parser.add_argument("--others", type=Path, help="another grid on some of the same folds")
    given = parser.parse_args()
    try:
        print(page(given.out, given.names, given.others))
    except OutputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
